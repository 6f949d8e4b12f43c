/** Keeps the files of this build, so that the client opens without a network. What the server says is never kept here. */

declare const self: ServiceWorkerGlobalScope;
/** Filled in by vite.config.ts: the paths of this build, and a word for it. */
declare const __SHELL__: readonly string[];
declare const __BUILD__: string;

const CACHE = `shell-${__BUILD__}`;

self.addEventListener("install", (event) => {
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers());
});

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin || !__SHELL__.includes(pathname)) return;
  event.respondWith(answer(event.request, pathname));
});

async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(__SHELL__);
  await self.skipWaiting();
}

async function forgetOthers(): Promise<void> {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

/** Named files are for ever; the page itself is asked for, and kept for when there is no answer. */
async function answer(request: Request, pathname: string): Promise<Response> {
  const kept = await caches.match(pathname, { cacheName: CACHE });
  if (pathname.startsWith("/assets/") && kept !== undefined) return kept;
  try {
    return await fetch(request);
  } catch (error) {
    if (kept !== undefined) return kept;
    throw error;
  }
}

export {};
