/**
 * Where in the client one is: it stands in the fragment, which no server sees. `#/projects/ID`, `#/projects/ID/SEQ` (at
 * that event), `#/new/home/me` (a new project, looking into /home/me), `#/status`, `#/trust`, `#pair=CODE`.
 */

import { useSyncExternalStore } from "react";
import { isJson, text } from "../protocol/agent";

export type Route =
  | { page: "projects" }
  | { page: "project"; id: string; at: number | null }
  | { page: "new"; path: string }
  | { page: "status" }
  | { page: "trust" }
  | { page: "pair"; code: string };

/** The codes of `pocketagent pair` (pocketagent/domain/pairing.py). */
const CODE = /pair_[0-9a-f]{32}/;

export function routeOf(fragment: string): Route {
  const code = CODE.exec(fragment)?.[0];
  if (fragment.startsWith("#pair=") && code !== undefined) return { page: "pair", code };
  if (fragment.startsWith("#/new/")) return { page: "new", path: decoded(fragment.slice("#/new".length)) };
  const [, first, second, third] = fragment.replace(/^#/, "").split("/");
  if (first === "projects" && second) {
    return { page: "project", id: second, at: /^[1-9]\d{0,14}$/.test(third ?? "") ? Number(third) : null };
  }
  if (first === "new") return { page: "new", path: "" };
  if (first === "status" || first === "trust") return { page: first };
  return { page: "projects" };
}

/** The link to look into a directory, to make one in it a project. */
export function directoryLink(path: string): string {
  return `#/new${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** The project that our service worker asks to be opened; "" where that is none. */
export function projectOf(message: unknown): string {
  const id = isJson(message) ? text(message, "open") : "";
  return /^[\w-]{1,64}$/.test(id) ? id : "";
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return "";
    throw error;
  }
}

function subscribe(changed: () => void): () => void {
  window.addEventListener("hashchange", changed);
  return () => window.removeEventListener("hashchange", changed);
}

export function useRoute(): Route {
  return routeOf(useSyncExternalStore(subscribe, () => window.location.hash));
}

export function go(to: string): void {
  window.location.hash = to;
}

/** Take the code out of the address bar: it is a secret, for five minutes. */
export function forgetCode(): void {
  window.history.replaceState(null, "", window.location.pathname);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
