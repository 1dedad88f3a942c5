// Keeps the hosted sign-in page live: waits for a change, then shows the server's own page again.
// The words and the states are rendered in one place, on the server.
import { say } from './app/words.js';
import { hasPasskeys, usePasskey } from './app/passkey.js';

const WAIT_S = 25;
const LOOK_MS = 4_000;
const FIRST_MS = 1_000;
const LONGEST_MS = 15_000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Fetches a page of ours and gives the `main` of it, and where it really came from. */
export async function fetchMain(address, request = {}) {
  const response = await fetch(address, { cache: 'no-store', ...request });
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  return { main: page.querySelector('main'), title: page.title, url: response.url };
}

/** Whether the keyboard is in here, or nowhere in particular. */
export const hasFocus = (node) => document.activeElement === document.body || node.contains(document.activeElement);

/**
 * Makes the page inside `main` live. `go` follows the address when it is done; `shown` is told when
 * another state is on screen. Ends when `main` leaves the document.
 */
export function live(main, { go, shown = () => {} }) {
  const { base } = main.dataset;
  let version = main.dataset.version;
  let isLeaving = false;
  enliven();
  wait();

  async function wait() {
    let failures = 0;
    let waitS = WAIT_S;
    while (main.isConnected && 'live' in main.dataset) {
      try {
        const response = await fetch(`${base}/state?after=${encodeURIComponent(version)}&wait=${waitS}`, { cache: 'no-store' });
        if (response.status === 404) return fail(say('page_over'));
        if (response.status === 429 && waitS > 0) {
          // Too many pages of this attempt wait: this one looks now and then.
          waitS = 0;
          continue;
        }
        if (!response.ok) throw new Error(String(response.status));
        const state = await response.json();
        if (failures > 0) fail('');
        failures = 0;
        if (String(state.version) !== version) await show();
        else if (waitS === 0) await pause(LOOK_MS);
      } catch {
        failures += 1;
        if (main.isConnected) fail(say('page_lost'));
        await pause(Math.min(LONGEST_MS, FIRST_MS * 2 ** failures) * (0.5 + Math.random() / 2));
      }
    }
  }

  async function show() {
    const page = await fetchMain(base);
    if (!page.main || !main.isConnected) throw new Error('not a page of ours');
    const heading = main.querySelector('h1')?.textContent;
    version = page.main.dataset.version;
    main.dataset.version = version;
    if (!('live' in page.main.dataset)) delete main.dataset.live;
    // Not away from the phone beside us, as in the demo.
    const isHere = hasFocus(main);
    main.replaceChildren(...page.main.childNodes);
    enliven();
    shown(page.title);
    const next = main.querySelector('h1');
    if (next && isHere && next.textContent !== heading) {
      next.setAttribute('tabindex', '-1');
      next.focus();
    }
  }

  function fail(text) {
    const place = main.querySelector('[data-failure]');
    if (place) place.textContent = text;
  }

  function enliven() {
    const next = main.querySelector('[data-go]');
    if (next && !isLeaving) {
      isLeaving = true;
      // Long enough to read "Confirmed".
      setTimeout(() => main.isConnected && go(next.getAttribute('href')), 700);
    }
    for (const node of main.querySelectorAll('[data-left]')) countDown(node, main.querySelector('[data-bar]'));
    const passkey = main.querySelector('[data-passkey]');
    if (passkey && hasPasskeys()) {
      passkey.hidden = false;
      passkey.addEventListener('click', () => signIn(passkey));
    }
  }

  async function signIn(passkey) {
    if (passkey.getAttribute('aria-busy') === 'true') return;
    passkey.setAttribute('aria-busy', 'true');
    fail('');
    try {
      const options = await post('/passkey/options', {});
      const credential = await usePasskey(options);
      if (!credential) return fail(say('page_passkey_failed'));
      await post('/passkey', credential);
      await show();
    } catch (error) {
      fail(error.detail || say('page_passkey_refused'));
    } finally {
      passkey.removeAttribute('aria-busy');
    }
  }

  async function post(path, body) {
    const response = await fetch(base + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    const answer = await response.json().catch(() => null);
    if (!response.ok) throw Object.assign(new Error(path), { detail: answer?.detail });
    return answer;
  }
}

/** Seconds down to nothing, by this page's own clock: a wrong one does not matter for a span. */
function countDown(node, bar) {
  const endsAt = performance.now() + Number(node.dataset.left) * 1000;
  const tick = () => {
    if (!node.isConnected) return;
    const left = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
    const span = left > 120 ? say('minutes', { count: Math.ceil(left / 60) }) : say('seconds', { count: left });
    node.textContent = say(node.dataset.words, { span });
    if (bar) bar.value = left;
    if (left > 0) setTimeout(tick, 500);
  };
  tick();
}
