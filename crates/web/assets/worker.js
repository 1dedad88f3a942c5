// Served as /app/worker.js with scope /app. Rings, opens the app, and keeps its shell for a moment
// without network. It never keeps an answer of the service: those are asked for anew, or not shown.
import texts from '/assets/texts.en.js';

const SHELL = 'pushback-shell-1';
const APP = '/app';

self.addEventListener('install', () => self.skipWaiting());

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name.startsWith('pushback-shell-') && name !== SHELL) await caches.delete(name);
      await self.clients.claim();
    })(),
  );
});

// The payload holds a version and nothing else, so there is nothing to read in it.
self.addEventListener('push', (event) => {
  event.waitUntil(
    self.registration.showNotification(texts.push_title, {
      body: texts.push_body,
      icon: '/assets/icons/icon-192.png',
      badge: '/assets/icons/badge.png',
      // One bell at a time: the next replaces it.
      tag: 'prompt',
      renotify: true,
    }),
  );
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(
    (async () => {
      const windows = await self.clients.matchAll({ type: 'window' });
      const open = windows.find((client) => new URL(client.url).pathname === APP);
      await (open ? open.focus() : self.clients.openWindow(APP));
    })(),
  );
});

// A newer server wins always; the copy is for a phone in a lift.
self.addEventListener('fetch', (event) => {
  const { pathname, origin, search } = new URL(event.request.url);
  const isShell = origin === self.location.origin && event.request.method === 'GET' && !search && (pathname === APP || pathname.startsWith('/assets/'));
  if (!isShell) return;
  event.respondWith(
    (async () => {
      const shell = await caches.open(SHELL);
      try {
        const response = await fetch(event.request);
        if (response.ok) await shell.put(event.request, response.clone());
        return response;
      } catch (error) {
        const kept = await shell.match(event.request);
        if (kept) return kept;
        throw error;
      }
    })(),
  );
});
