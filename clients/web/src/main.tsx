import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ServerContext } from "./context";
import { isKnown } from "./link/api";
import { offerInstallation } from "./link/installation";
import { kept } from "./link/local";
import { mendPush } from "./link/push";
import { Server } from "./link/server";
import { keptTheme, showTheme } from "./link/theme";
import { registerWorker } from "./link/worker";
import { routeOf } from "./state/route";
import { seenOf } from "./state/seen";
import { store } from "./state/store";
import "./styles/base.css";
import { App } from "./views/App";

showTheme(keptTheme());
store.setState({ seen: seenOf(kept("seen")) });
const server = new Server(store, `wss://${window.location.host}/ws`, isKnown);
// Whoever comes with a link to pair is not known yet: asking as somebody would only be refused.
if (routeOf(window.location.hash).page !== "pair") void server.start();

void registerWorker(store);
offerInstallation(store);
const stopWaiting = store.subscribe(({ connection }) => {
  if (connection.is !== "online") return;
  stopWaiting();
  mendPush().catch(() => undefined); // the status page says how it stands
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <ServerContext value={server}>
      <App />
    </ServerContext>
  </StrictMode>,
);
