/** The servers that this browser knows besides the one of this page: where each is, and how the person calls it. */

import { isJson, text } from "../protocol/agent";
import { keep, kept } from "./local";

export interface Known {
  origin: string;
  name: string;
}

/** So many at most. */
export const MOST = 20;

export function knownServers(): readonly Known[] {
  const found = kept("servers");
  if (!Array.isArray(found)) return [];
  return found
    .filter(isJson)
    .map((one) => ({ origin: originOf(text(one, "origin")), name: text(one, "name") }))
    .filter(({ origin }) => origin !== "" && origin !== window.location.origin)
    .slice(0, MOST);
}

/** Keep a server; one of the same origin is called anew. */
export function keepServer(server: Known): void {
  const others = knownServers().filter(({ origin }) => origin !== server.origin);
  keep("servers", [...others, server].slice(-MOST));
}

export function forgetServer(origin: string): void {
  keep(
    "servers",
    knownServers().filter((one) => one.origin !== origin),
  );
}

/** Of a link or a host with a port; "" where that is no https address. */
export function originOf(link: string): string {
  const whole = link.includes("://") ? link : `https://${link}`;
  if (!URL.canParse(whole)) return "";
  const { protocol, origin, username } = new URL(whole);
  return protocol === "https:" && username === "" ? origin : "";
}
