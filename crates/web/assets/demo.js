// The demo: the computer's screen shows our own pages, the phone is the real app with its own key,
// and the panel starts attacks and shows what came of them.
import { mount } from './app/app.js';
import { Api, Offline } from './app/api.js';
import { button, el } from './app/dom.js';
import { Keyring } from './app/keys.js';
import { say, sayOr } from './app/words.js';
import { fetchMain, hasFocus, live } from './sign_in.js';

const LINES_MAX = 200;
const api = new Api();
const screen = document.querySelector('[data-screen]');
const addressBar = document.querySelector('[data-address]');
const status = document.querySelector('[data-attack-status]');
const lines = document.querySelector('[data-lines]');
const phone = document.getElementById('phone');

const detail = (error) => (error instanceof Offline ? say('offline_action') : error.detail || say('failed_unknown'));

// The computer: what the browser would load as pages is shown in the frame of one.

function isOurs(address) {
  const url = new URL(address, location.href);
  return url.origin === location.origin && /^\/(demo|sign-in)(\/|$)/.test(url.pathname) && url;
}

async function browse(address, request) {
  const page = await fetchMain(address, request);
  if (!page.main) return;
  const { host, pathname } = new URL(page.url);
  // The secret in the path is as long as the bar.
  addressBar.textContent = host + (pathname.startsWith('/sign-in/') ? '/sign-in/…' : pathname);
  const isHere = hasFocus(screen);
  screen.replaceChildren(page.main);
  const heading = isHere && page.main.querySelector('h1, h2');
  if (heading) {
    heading.setAttribute('tabindex', '-1');
    heading.focus({ preventScroll: true });
  }
  if ('signIn' in page.main.dataset) live(page.main, { go: (next) => browse(next) });
}

screen.addEventListener('submit', (event) => {
  const url = isOurs(event.target.action);
  if (!url) return;
  event.preventDefault();
  browse(url, { method: 'POST', body: new URLSearchParams(new FormData(event.target)) });
});
screen.addEventListener('click', (event) => {
  const link = event.target.closest('a[href]');
  const url = link && link.target !== '_blank' && isOurs(link.href);
  if (!url) return;
  event.preventDefault();
  browse(url);
});

// The phone

async function startPhone() {
  const keys = 'pushback-demo';
  const keyring = await Keyring.open(keys);
  const bound = await keyring.load();
  // A demo that was started anew has forgotten the old key.
  if (bound) {
    api.use(bound);
    try {
      await api.syncClock();
      await api.call('GET', '/v1/me');
      return mount(phone, { keys });
    } catch (error) {
      if (error instanceof Offline) throw error;
      await keyring.forget();
    }
  }
  const { binding } = await api.open('POST', '/demo/phone', {});
  return mount(phone, { keys, binding, bindName: document.querySelector('.phone').getAttribute('aria-label') });
}
// A real phone instead of the one on the page. It stays the one when this page is loaded anew.
const OWN = 'pushback-demo-own-phone';
const ownPhone = document.querySelector('[data-own-phone]');

function failed(error) {
  phone.replaceChildren(el('p', { class: 'app-main error' }, say('demo_phone_failed', { detail: detail(error) })));
}

async function backToPage() {
  localStorage.removeItem(OWN);
  location.reload();
}

async function bindOwnPhone() {
  const { link, picture, fingerprint } = await api.open('POST', '/demo/own-phone', {});
  localStorage.setItem(OWN, 'yes');
  const drawn = new DOMParser().parseFromString(picture, 'image/svg+xml').documentElement;
  showOwnPhone(
    el('p', {}, say('demo_own_scan')),
    document.importNode(drawn, true),
    el('p', {}, el('code', {}, link)),
    el('p', { class: 'hint' }, say('demo_own_warning'), ' ', el('code', {}, fingerprint)),
  );
}

function showOwnPhone(...how) {
  const frame = el('div', { class: 'own-phone' }, el('h2', {}, say('demo_own_title')), ...how, el('p', {}, say('demo_own_then')), button(say('demo_own_back'), backToPage));
  phone.replaceChildren(frame);
}

if (ownPhone) ownPhone.addEventListener('click', () => bindOwnPhone().catch(failed));
if (ownPhone && localStorage.getItem(OWN)) showOwnPhone();
else startPhone().catch(failed);

function ring() {
  const frame = document.querySelector('.phone');
  frame.classList.remove('rings');
  requestAnimationFrame(() => frame.classList.add('rings'));
}

// The attacks

for (const attack of document.querySelectorAll('[data-attack]')) {
  attack.addEventListener('click', async () => {
    if (attack.getAttribute('aria-busy') === 'true') return;
    attack.setAttribute('aria-busy', 'true');
    status.textContent = say('demo_started');
    try {
      await api.open('POST', '/demo/attacks', { kind: attack.dataset.attack });
    } catch (error) {
      status.textContent = say('demo_failed', { detail: detail(error) });
    } finally {
      attack.removeAttribute('aria-busy');
    }
  });
}

// What happened

const seconds = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const nothing = el('li', { class: 'empty' }, el('span'), el('span'), el('span', { class: 'hint' }, say('demo_empty')));
lines.append(nothing);

const events = new EventSource('/demo/events');
events.addEventListener('open', () => {
  // A stream begins with everything, also one that comes back.
  lines.replaceChildren(nothing);
  if (status.dataset.lost) status.textContent = '';
  delete status.dataset.lost;
});
events.addEventListener('error', () => {
  status.dataset.lost = 'yes';
  status.textContent = say('demo_lost');
});
events.addEventListener('line', (event) => {
  const { at, kind, text } = JSON.parse(event.data);
  nothing.remove();
  lines.prepend(
    el('li', {}, el('time', { datetime: at }, seconds.format(new Date(at))), el('span', { class: `k k-${kind}` }, sayOr(`kind_${kind}`, kind)), el('span', {}, text)),
  );
  while (lines.children.length > LINES_MAX) lines.lastElementChild.remove();
  if (kind === 'rang') ring();
  // The list itself is too quick to be read out.
  if (kind === 'incident') status.textContent = text;
});
events.addEventListener('counts', (event) => {
  for (const [name, count] of Object.entries(JSON.parse(event.data))) {
    const place = document.querySelector(`[data-count="${CSS.escape(name)}"]`);
    if (place) place.textContent = String(count);
  }
});
