/** What a person brings to be paired: a link, a code, a picture of it. Pure. */

import { routeOf } from "./route";

/** `elsewhere`: the origin of another server, whose page has to be opened for it. */
export type Brought = { code: string } | { elsewhere: string } | "unreadable";

/** A link or a bare code of `pocketagent pair` -> what it is for the page of `origin`. */
export function brought(pasted: string, origin: string): Brought {
  const text = pasted.trim();
  const route = routeOf(text.startsWith("pair_") ? `#pair=${text}` : (/#.*$/.exec(text)?.[0] ?? ""));
  if (route.page !== "pair") return "unreadable";
  if (text.includes("://") && !URL.canParse(text)) return "unreadable";
  if (URL.canParse(text)) {
    const link = new URL(text);
    if (link.protocol !== "https:") return "unreadable";
    if (link.origin !== origin) return { elsewhere: link.origin };
  }
  return { code: route.code };
}

/** What a device is called where nobody says more: its browser and its system. `agent`: its User-Agent. */
export function nameOf(agent: string): string {
  const browser =
    ["Firefox", "Edg", "SamsungBrowser", "Chrome", "Safari"].find((one) => agent.includes(one)) ?? "Browser";
  const system = ["Android", "iPhone", "iPad", "Mac OS X", "Windows", "CrOS", "Linux"].find((one) =>
    agent.includes(one),
  );
  const shown = browser === "Edg" ? "Edge" : browser;
  return system === undefined ? shown : `${shown} on ${system === "Mac OS X" ? "Mac" : system}`;
}

export type System = "android" | "apple" | "mac" | "windows" | "linux" | "firefox";
export const SYSTEMS: readonly System[] = ["android", "apple", "mac", "windows", "linux", "firefox"];

/** Whose way of trusting a certificate a browser goes. `touches`: of its screen; an iPad says that it is a Mac. */
export function systemOf(agent: string, touches: number): System {
  if (agent.includes("Android")) return "android";
  if (/iPhone|iPad/.test(agent) || (agent.includes("Mac OS X") && touches > 1)) return "apple";
  if (agent.includes("Firefox")) return "firefox";
  if (agent.includes("Mac OS X")) return "mac";
  return agent.includes("Windows") ? "windows" : "linux";
}
