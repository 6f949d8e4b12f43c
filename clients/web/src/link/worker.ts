/**
 * The service worker: registered under the one policy that the server's pages may make (Content-Security-Policy). A newer
 * build waits until the person wants it: nothing that is being written is lost.
 */

import { projectOf } from "../state/route";
import type { Shell } from "../state/shell";
import type { Store } from "../state/store";

const SCRIPT = "/sw.js";
/** As worker/sw.ts hears it. The worker is a file of its own, and shares none with the page. */
const TAKE_OVER = "take over";
/** Seconds: so often at most a newer build is looked for, when the connection comes back. */
const LOOK_EVERY = 60;

declare global {
  interface Window {
    /** Not in every browser yet, nor in TypeScript's own library. */
    trustedTypes?: {
      createPolicy(
        name: string,
        rules: { createScriptURL(text: string): string },
      ): { createScriptURL(text: string): unknown };
    };
  }
}

let registration: ServiceWorkerRegistration | undefined;

/** Whether one gave this page: then registering it costs next to nothing. */
export function hasWorker(): boolean {
  return "serviceWorker" in navigator && navigator.serviceWorker.controller !== null;
}

/** Register it, and tell the state how that went. Without a certificate that the browser trusts, it refuses. */
export async function registerWorker(store: Store): Promise<void> {
  const tell = (change: Partial<Shell>) => store.setState(({ shell }) => ({ shell: { ...shell, ...change } }));
  if (!("serviceWorker" in navigator)) {
    tell({ worker: "none" });
    return;
  }
  navigator.serviceWorker.addEventListener("message", heard);
  const policy = window.trustedTypes?.createPolicy("pocketagent", { createScriptURL: () => SCRIPT });
  try {
    registration = await navigator.serviceWorker.register((policy?.createScriptURL(SCRIPT) ?? SCRIPT) as string);
  } catch (error) {
    const isRefused = error instanceof DOMException && error.name === "SecurityError";
    tell({ worker: isRefused ? "refused" : "unknown" });
    return;
  }
  tell({ worker: "ready" });
  if (registration.waiting) takeNewer(); // the page has only just begun: nothing is lost
  watch(registration, () => tell({ hasNewer: true }));
  lookAgain(store, registration);
}

function watch(found: ServiceWorkerRegistration, newer: () => void): void {
  found.addEventListener("updatefound", () => {
    const coming = found.installing;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "installed" && navigator.serviceWorker.controller) newer();
    });
  });
}

/** A server that comes back may be a newer one. */
function lookAgain(store: Store, found: ServiceWorkerRegistration): void {
  let last = Date.now();
  store.subscribe(({ connection }, before) => {
    if (connection.is !== "online" || before.connection.is === "online") return;
    if (Date.now() - last < LOOK_EVERY * 1000) return;
    last = Date.now();
    found.update().catch(() => undefined); // it could not be reached after all
  });
}

/** Begin the newer build: its worker takes over, and the page is loaded anew. */
export function takeNewer(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => window.location.reload(), { once: true });
  registration?.waiting?.postMessage(TAKE_OVER);
}

/** A tap on a notification opens its project. Only our own worker is listened to. */
function heard(event: MessageEvent): void {
  if (!(event.source instanceof ServiceWorker) || event.source.scriptURL !== `${window.location.origin}${SCRIPT}`)
    return;
  const id = projectOf(event.data);
  if (id) window.location.hash = `#/projects/${id}`;
}

/** Of signing out: nothing of this device stays. */
export async function forgetWorker(): Promise<void> {
  for (const name of await caches.keys()) await caches.delete(name);
  await registration?.unregister();
}
