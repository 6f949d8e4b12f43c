import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ServerContext } from "./context";
import { isKnown } from "./link/api";
import { Server } from "./link/server";
import { store } from "./state/store";
import "./styles/base.css";
import { App } from "./views/App";

const server = new Server(store, `wss://${window.location.host}/ws`, isKnown);
void server.start();

if ("serviceWorker" in navigator) {
  // Without a trusted certificate the browser refuses it; the client works online then, and says so on the status page.
  navigator.serviceWorker.register("/sw.js").catch(() => undefined);
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <ServerContext value={server}>
      <App />
    </ServerContext>
  </StrictMode>,
);
