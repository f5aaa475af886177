// Keeps the files of the page, so that it opens without a server. RxDB keeps the data, so requests for data are not
// handled here.

/** The build inserts both values. */
declare const __FILES__: string[];
declare const __VERSION__: string;

const worker = self as unknown as ServiceWorkerGlobalScope;
const FILES: string[] = __FILES__;
const PREFIX = 'seachange-demo-';
const CACHE = PREFIX + __VERSION__;
const PAGE = new URL('./', worker.location.href).pathname;

worker.addEventListener('install', (event) => {
  event.waitUntil(keep());
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(takeOver());
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  const path = request.mode === 'navigate' && url.pathname.startsWith(PAGE) ? PAGE : url.pathname;
  if (FILES.includes(path)) event.respondWith(answer(path, request));
});

/** Stores all files of one build or none, so that they fit together. */
async function keep(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' })));
  // Open pages have loaded all that they need, so the next page may be of the new build.
  await worker.skipWaiting();
}

async function takeOver(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

async function answer(path: string, request: Request): Promise<Response> {
  return (await caches.match(path, { cacheName: CACHE })) ?? fetch(request);
}

export {};
