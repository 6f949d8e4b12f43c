/**
 * Keeps the files of this build, so that the client opens at once and without a network; shows what is pushed. What the
 * server's API says is never kept here.
 */

import { noticeOf, pathOf } from "./notice";

declare const self: ServiceWorkerGlobalScope;
/** Filled in by vite.config.ts: the paths of this build, and a word for it. */
declare const __SHELL__: readonly string[];
declare const __BUILD__: string;

const CACHE = `shell-${__BUILD__}`;
/** Said by a page of ours to a worker that waits (link/worker.ts): begin, in the place of the one before. */
const TAKE_OVER = "take over";
const SUBSCRIPTION = "/api/v1/push/subscription";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(__SHELL__)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers());
});

self.addEventListener("message", (event) => {
  const isOwn = event.origin === self.location.origin && event.source instanceof WindowClient;
  if (isOwn && event.data === TAKE_OVER) event.waitUntil(self.skipWaiting());
});

/** A build is one whole: its page comes with its own files, and a newer one when it is wanted. */
self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin || !__SHELL__.includes(pathname)) return;
  event.respondWith(answer(event.request, pathname));
});

self.addEventListener("push", (event) => {
  event.waitUntil(show(event.data));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

self.addEventListener("pushsubscriptionchange", (event) => {
  (event as ExtendableEvent).waitUntil(subscribeAgain());
});

async function forgetOthers(): Promise<void> {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

async function answer(request: Request, pathname: string): Promise<Response> {
  return (await caches.match(pathname, { cacheName: CACHE })) ?? fetch(request);
}

async function show(data: PushMessageData | null): Promise<void> {
  let message: unknown = null;
  try {
    message = data?.json();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error; // shown in general words
  }
  const { title, tag, silent, projectId } = noticeOf(message);
  const pictures = { icon: "/icons/icon-192.png", badge: "/icons/icon-192.png" };
  await self.registration.showNotification(title, { tag, silent, data: projectId, ...pictures });
}

/** The window that is open comes to the front and goes there; else one is opened. */
async function open(projectId: unknown): Promise<void> {
  const [client] = await self.clients.matchAll({ type: "window" });
  if (client === undefined) {
    await self.clients.openWindow(pathOf(projectId));
    return;
  }
  client.postMessage({ open: projectId });
  await client.focus();
}

/** The browser has ended a subscription: with a new one, the rules stay. */
async function subscribeAgain(): Promise<void> {
  const asked = await fetch("/api/v1/push");
  if (!asked.ok) return;
  const { public_key, rules } = (await asked.json()) as { public_key: string; rules: object | null };
  if (rules === null) return;
  const how = { userVisibleOnly: true, applicationServerKey: public_key };
  const subscription = await self.registration.pushManager.subscribe(how);
  const body = JSON.stringify({ ...subscription.toJSON(), rules });
  await fetch(SUBSCRIPTION, { method: "PUT", body, headers: { "content-type": "application/json" } });
}
