// One person, their phone, and what must not happen while they act.
import assert from 'node:assert/strict';
import { DESKTOP, keyboardFaults, launch, look, virtualPasskey, visitor } from './drive.mjs';
import { Service } from './service.mjs';

let browser;
let shared;
let people = 0;

export async function open() {
  [browser, shared] = await Promise.all([launch(), Service.start()]);
}

export async function close() {
  await Promise.allSettled([browser?.close(), shared?.stop()]);
}

/** A visitor whose pages are checked for faults when `act` is done. */
export async function visit(act, options = {}) {
  const { context, page, faults } = await visitor(browser, options);
  const see = async (name, what = page) => assert.deepEqual(await look(what, name), []);
  const walk = async (what = page) => assert.deepEqual(await keyboardFaults(what), []);
  try {
    await act({ context, page, see, walk });
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
  }
}

/**
 * Runs `act` with a page of the app, bound if `bound`, of a person who is new. The address of each is
 * their own, so that they share no bucket. `service` is another one than all others use.
 */
export async function world(act, { bound = true, passkey = false, service = shared, ...options } = {}) {
  people += 1;
  const subscriber = `alex${people}@example.org`;
  const ip = `203.0.113.${people}`;
  const stranger = `198.51.100.${people}`;
  await service.addSubscriber(subscriber);
  const invitation = await service.invite(subscriber);
  await visit(async (things) => {
    const { page, context } = things;
    const asks = (more = {}) => service.attempt(subscriber, { ip, ...more });
    const attacks = (more = {}) => service.attempt(subscriber, { ip: stranger, ...more });
    /** The screen at which they sign in. */
    const computer = async (attempt) => {
      const screen = await context.newPage();
      await screen.goto(attempt.page_url);
      return screen;
    };
    const key = passkey ? await virtualPasskey(page) : null;
    if (bound) await bind(page, invitation);
    await act({ ...things, service, subscriber, invitation, asks, attacks, computer, key });
  }, { extraHTTPHeaders: { 'X-Forwarded-For': ip }, ...options });
}

/** Somebody who administers the service with a passkey, on the list of subscribers. */
export async function administrator(service, name, act) {
  await visit(
    async (things) => {
      const { page, see } = things;
      await virtualPasskey(page);
      const { link } = await service.run('operator', 'invite', name);
      await page.goto(link);
      await heading(page, 'Your passkey for administration');
      await see('admin_enrol');
      await page.getByRole('button', { name: 'Make a passkey' }).click();
      await heading(page, 'Administration');
      await see('admin_sign_in');
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
      await heading(page, 'Subscribers');
      await act(things);
    },
    { viewport: DESKTOP },
  );
}

export async function bind(page, { link }) {
  await page.goto(link);
  await page.getByRole('button', { name: 'Bind this device' }).click();
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.locator('[data-connected="true"]').waitFor();
}

export const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
export const tab = (page, name) => page.getByRole('navigation').getByRole('button', { name }).click();
export const code = (page) => page.getByLabel('Code from the sign-in page');
export const confirm = (page) => page.getByRole('button', { name: 'Yes, it’s me' });
export const deny = (page) => page.getByRole('button', { name: 'No, this isn’t me' });
export const asked = (page) => heading(page, 'Are you signing in?');

/** Any six digits but these. */
export const wrong = (right) => String((Number(right) + 1) % 1_000_000).padStart(6, '0');

export async function answer(page, right) {
  await asked(page);
  await code(page).fill(right);
  await confirm(page).click();
  await heading(page, 'Confirmed');
  await page.getByRole('button', { name: 'Done' }).click();
}

/** Proves the right to a change with the code of the page that the app offers, and asks again. */
export async function proveByPage(page, ask) {
  await ask();
  const opened = page.context().waitForEvent('page');
  await page.getByRole('link', { name: 'Open the page with the code' }).click();
  const screen = await opened;
  const digits = (await screen.locator('.code b').allTextContents()).join('');
  await page.bringToFront();
  await page.getByRole('button', { name: 'Look at it' }).click();
  await answer(page, digits);
  await heading(screen, 'Confirmed');
  await screen.close();
  await tab(page, 'Account');
  await ask();
}

/** The heading has the focus, so a screen reader starts there. */
export const focusedHeading = (page) => page.evaluate(() => document.activeElement?.closest('h1, h2')?.textContent ?? '');
