/** How this page stands as an app of its browser. */

/** `refused`: the browser does not trust the server's certificate; `none`: it knows no service workers. */
export type Worker = "unknown" | "ready" | "refused" | "none";

export interface Shell {
  worker: Worker;
  /** A newer build has come, and begins when the page is loaded anew. */
  hasNewer: boolean;
  /** The browser offers to install the app. */
  canInstall: boolean;
}

export const UNKNOWN: Shell = { worker: "unknown", hasNewer: false, canInstall: false };
