import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ServerContext } from "../context";
import type { Server } from "../link/server";
import { App } from "./App";

/** Draw the client, in the place of what index.html shows until then. */
export function draw(server: Server): void {
  const root = document.getElementById("root");
  if (root === null) throw new Error("index.html has no #root");
  createRoot(root).render(
    <StrictMode>
      <ServerContext value={server}>
        <App />
      </ServerContext>
    </StrictMode>,
  );
}
