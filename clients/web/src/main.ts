/**
 * How the client begins: with its server. The list of projects is asked for while what draws it (views/draw.tsx, with React) is
 * still on its way: index.html names both.
 */

import * as http from "./link/api";
import { offerInstallation } from "./link/installation";
import { kept } from "./link/local";
import { mendPush } from "./link/push";
import { Server } from "./link/server";
import { keptTheme, showTheme } from "./link/theme";
import { hasWorker, registerWorker } from "./link/worker";
import { routeOf } from "./state/route";
import { seenOf } from "./state/seen";
import { store } from "./state/store";
import "./styles/base.css";

/** Seconds that the first visit has for its first view, before the network is wanted for keeping all files. */
const FIRST_VIEW = 1;

showTheme(keptTheme());
store.setState({ seen: seenOf(kept("seen")) });
const server = new Server(store, `wss://${window.location.host}/ws`, http);
const { page } = routeOf(window.location.hash);
// Whoever comes with a link to pair is not known yet: asking as somebody would only be refused.
if (page !== "pair") void server.start();

void begin();
if (page === "project") import("./views/ProjectPage").catch(() => undefined); // views/App.tsx asks for it again, and says so
offerInstallation(store);
const stopWaiting = store.subscribe(({ connection }) => {
  if (connection.is !== "online") return;
  stopWaiting();
  mendPush().catch(() => undefined); // the status page says how it stands
});

async function begin(): Promise<void> {
  const { draw } = await import("./views/draw");
  draw(server);
  setTimeout(() => void registerWorker(store), hasWorker() ? 0 : FIRST_VIEW * 1000);
}
