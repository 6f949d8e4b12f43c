/** Web push: whether this browser is told what happens while nobody looks (docs/protocol.md section 11). */

import { isJson, list, number } from "../protocol/agent";
import type { Occasion, PushRules, PushState } from "../protocol/generated";
import { get, send } from "./api";
import { isInstalled } from "./installation";
import { keep, kept } from "./local";

export const OCCASIONS: readonly Occasion[] = ["permission", "finished", "failed"];
export type Rules = Required<PushRules>;

/** `apple`: there it works in the installed app only; `denied`: the person has forbidden it to this page. */
export type PushStanding =
  | { is: "none" }
  | { is: "apple" }
  | { is: "denied" }
  | { is: "off"; why: string | null }
  | { is: "on"; why: string | null; rules: Rules };

const SUBSCRIPTION = "/push/subscription";

/** How it stands. Needs a service worker (link/worker.ts). Throws Refused, or Unreachable. */
export async function pushStanding(): Promise<PushStanding> {
  if (!("PushManager" in window) || !("Notification" in window)) {
    const isApple = /iPhone|iPad|Macintosh.*Mobile/.test(navigator.userAgent) && !isInstalled();
    return { is: isApple ? "apple" : "none" };
  }
  if (Notification.permission === "denied") return { is: "denied" };
  const { rules, why } = await get<PushState>("/push");
  const { pushManager } = await navigator.serviceWorker.ready;
  if (rules === null || (await pushManager.getSubscription()) === null) return { is: "off", why };
  return { is: "on", why, rules: whole(rules) };
}

/** Be told from now on, of what the rules say; asks the person for leave. Throws what the browser or the server says. */
export async function pushOn(rules: Rules): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") return;
  const { public_key } = await get<PushState>("/push");
  const { pushManager } = await navigator.serviceWorker.ready;
  const before = await pushManager.getSubscription();
  const isSame = before !== null && keyOf(before) === public_key;
  if (before !== null && !isSame) await before.unsubscribe();
  const how = { userVisibleOnly: true, applicationServerKey: bytesOf(public_key) };
  const subscription = isSame ? before : await pushManager.subscribe(how);
  await send("PUT", SUBSCRIPTION, { ...subscription.toJSON(), rules });
  keep("push", rules);
}

export async function pushOff(): Promise<void> {
  await send("DELETE", SUBSCRIPTION);
  const { pushManager } = await navigator.serviceWorker.ready;
  await (await pushManager.getSubscription())?.unsubscribe();
}

/** At each start: what the browser has is registered again, where the server has lost it or has another key. */
export async function mendPush(): Promise<void> {
  if (!("PushManager" in window) || Notification.permission !== "granted") return;
  const { pushManager } = await navigator.serviceWorker.ready;
  const subscription = await pushManager.getSubscription();
  if (subscription === null) return;
  const { rules, public_key } = await get<PushState>("/push");
  if (rules === null || keyOf(subscription) !== public_key) await pushOn(keptRules());
}

/** The rules that this browser had last, or those for a beginning. */
export function keptRules(): Rules {
  const found = kept("push");
  return whole(
    isJson(found) ? { ...found, events: OCCASIONS.filter((one) => list(found, "events").includes(one)) } : {},
  );
}

function whole(rules: PushRules & { seconds?: unknown }): Rules {
  const seconds = number({ seconds: rules.seconds }, "seconds") ?? 60;
  return { events: rules.events ?? [...OCCASIONS], seconds, quiet: rules.quiet === true };
}

function keyOf(subscription: PushSubscription): string {
  const bytes = new Uint8Array(subscription.options.applicationServerKey ?? new ArrayBuffer(0));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function bytesOf(key: string): Uint8Array<ArrayBuffer> {
  const binary = atob(key.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
