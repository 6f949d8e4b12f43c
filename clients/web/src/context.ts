/** The server of this page, for the views: made once, in main.ts. */

import { createContext, useContext } from "react";
import type { Server } from "./link/server";

export const ServerContext = createContext<Server | null>(null);

export function useServer(): Server {
  const server = useContext(ServerContext);
  if (server === null) throw new Error("there is no server");
  return server;
}
