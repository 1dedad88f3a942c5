import assert from 'node:assert/strict';
import { Service } from '../service.mjs';
import { never, shows } from '../totp.mjs';
import { answer, asked, code, confirm, deny, focusedHeading, heading, proveByPage, tab, visit, world } from '../world.mjs';

/** The root of the test vectors of WebAuthn level 3, section 16.1: no authenticator here leads to it. */
const ROOT = `-----BEGIN CERTIFICATE-----
MIICBzCCAa2gAwIBAgIRAO1/kF2L0LQU0XhJExcKkLYwCgYIKoZIzj0EAwIwYjEe
MBwGA1UEAwwVV2ViQXV0aG4gdGVzdCB2ZWN0b3JzMQwwCgYDVQQKDANXM0MxJTAj
BgNVBAsMHEF1dGhlbnRpY2F0b3IgQXR0ZXN0YXRpb24gQ0ExCzAJBgNVBAYTAkFB
MCAXDTI0MDEwMTAwMDAwMFoYDzMwMjQwMTAxMDAwMDAwWjBiMR4wHAYDVQQDDBVX
ZWJBdXRobiB0ZXN0IHZlY3RvcnMxDDAKBgNVBAoMA1czQzElMCMGA1UECwwcQXV0
aGVudGljYXRvciBBdHRlc3RhdGlvbiBDQTELMAkGA1UEBhMCQUEwWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAAQyaTAOX/e2mQFfcM+AqHY79wW8LirwwbOc/3GLfDWI
DKMPMZB42RsDOJoAb9/IodzYTt+gfTCqE0dKJIoNq1uqo0IwQDAPBgNVHRMBAf8E
BTADAQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQURa/3FbDdeGdB/umW68Fl
R6OTGx4wCgYIKoZIzj0EAwIDSAAwRQIgSDBjtrsI3Mg9ozoCwR0vQiAxdok1VNE4
xhSjaQhyTMgCIQD17yyRLUUAs+L1tZHQYiSR6fIg39H5c07EhLt+kIh2Yw==
-----END CERTIFICATE-----
`;

export const journeys = {
  'history shows what asked and what became of it': () =>
    world(async ({ service, asks, attacks, page, see, walk }) => {
      const first = await asks();
      await answer(page, first.code);
      const second = await asks();
      await asked(page);
      await service.cancel(second);
      await page.getByRole('button', { name: 'Done' }).click();
      await attacks();
      await asked(page);
      await deny(page).click();
      await page.getByRole('button', { name: 'Do not report' }).click();
      await tab(page, 'History');
      for (const text of ['Refused by you', 'Confirmed', 'Cancelled', 'Something new can answer for you']) await page.getByText(text).first().waitFor();
      await page.locator('summary').first().click();
      await page.getByText('198.51.100.').first().waitFor();
      await see('app_history');
      await walk();
    }),

  'recovery codes are shown once and go away': () =>
    world(async ({ page, context, see }) => {
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      await tab(page, 'Account');
      const ask = () => page.getByRole('button', { name: 'Make new codes' }).click();
      await proveByPage(page, async () => {
        await ask();
        await page.waitForTimeout(0);
      });
      const codes = page.getByRole('list', { name: 'Your recovery codes' });
      await codes.waitFor();
      const shown = await codes.getByRole('listitem').allTextContents();
      assert.ok(shown.length >= 8 && new Set(shown).size === shown.length);
      await page.getByRole('button', { name: 'Copy' }).click();
      await page.getByText('Copied.').waitFor();
      assert.deepEqual((await page.evaluate(() => navigator.clipboard.readText())).split('\n'), shown);
      await see('app_recovery');
      await page.emulateMedia({ media: 'print' });
      assert.ok(await codes.isVisible());
      assert.ok(!(await page.getByText('Browsers that are known').isVisible()), 'the print holds the codes alone');
      await page.emulateMedia({ media: 'screen' });
      await page.getByRole('button', { name: 'I have kept them' }).click();
      await codes.waitFor({ state: 'detached' });
      await page.reload();
      await tab(page, 'Account');
      await page.getByRole('heading', { name: 'Recovery codes' }).waitFor();
      assert.equal(await codes.count(), 0);
    }),

  'another app is set up by its code, signs in on the hosted page, and its secret is shown once': () =>
    world(async ({ service, asks, computer, page, see, walk }) => {
      await tab(page, 'Account');
      await proveByPage(page, () => page.getByRole('button', { name: 'Set up another app' }).click());
      await page.getByRole('img', { name: 'QR code for the other app' }).waitFor();
      const shown = (await page.locator('.secret').textContent()).replaceAll(' ', '');
      assert.match(shown, /^[A-Z2-7]{32}$/);
      await see('app_other_app');
      await walk();
      const field = page.getByLabel('The six digits that it shows now');
      const bind = page.getByRole('button', { name: 'It shows these' });
      await field.fill(never(shown));
      await bind.click();
      await page.getByText('That is not its code.').waitFor();
      await field.fill(shows(shown));
      await page.getByLabel('Name', { exact: true }).fill('Password manager');
      await bind.click();
      await page.getByText('Password manager').first().waitFor();
      await page.locator('.secret').waitFor({ state: 'detached' });
      assert.ok(!(await page.content()).includes(shown.slice(0, 4) + ' '), 'it is shown once');

      const attempt = await asks();
      assert.equal(attempt.can_use_totp, true);
      const screen = await computer(attempt);
      await screen.getByRole('link', { name: 'Use a code of another app' }).click();
      await heading(screen, 'Code of another app');
      await screen.getByLabel('The six digits that it shows now').fill(never(shown));
      await screen.getByRole('button', { name: 'Confirm' }).click();
      await screen.getByText('that did not match').waitFor();
      await see('sign_in_other_app', screen);
      await walk(screen);
      // Half a minute ahead: the one that bound the app is used up.
      await screen.getByLabel('The six digits that it shows now').fill(shows(shown, 1));
      await screen.getByRole('button', { name: 'Confirm' }).click();
      await service.comesBack(screen, attempt);
    }),

  'known browsers are listed and forgotten after one more question': () =>
    world(async ({ service, asks, page, see, walk }) => {
      const attempt = await asks();
      await answer(page, attempt.code);
      const { browser } = await service.outcome(attempt);
      assert.ok(browser, 'the application is given what makes this browser known');
      await tab(page, 'Account');
      const forget = page.getByRole('button', { name: 'Forget Chrome', exact: true });
      await forget.click();
      await see('app_account_sure');
      await walk();
      await page.getByRole('button', { name: 'Keep it' }).click();
      const ask = async () => {
        await forget.click();
        await page.getByRole('button', { name: 'Forget it' }).click();
      };
      await proveByPage(page, ask);
      await page.getByText('It is forgotten.').waitFor();
    }),

  'a device stays while what is left is new, and one that is untied is told so at once': () =>
    world(
      async ({ page, see, service, subscriber }) => {
        await tab(page, 'Account');
        const ask = async () => {
          await page.getByRole('button', { name: 'Remove Linux computer' }).click();
          await page.getByText('You need a new binding code').waitFor();
          await page.getByRole('button', { name: 'Remove it' }).click();
        };
        await proveByPage(page, ask);
        await page.getByText('this is the last one').waitFor();
        await page.getByRole('button', { name: 'Keep it' }).click();
        await page.getByRole('button', { name: 'Add a passkey' }).click();
        await page.getByText('Passkey, Linux computer').waitFor();
        await ask();
        await page.getByText('what is left is too new to stand alone').waitFor();
        const { authenticators } = await service.run('subscriber', 'show', subscriber);
        const phone = authenticators.find((bound) => bound.kind === 'phone');
        await service.run('subscriber', 'untie', subscriber, String(phone.id));
        await heading(page, 'This device is no longer bound');
        await see('app_unbound');
        await page.getByRole('button', { name: 'Bind it again' }).click();
        await heading(page, 'Bind this device');
      },
      { passkey: true },
    ),

  'whoever has no passkey is offered one, can say not now, and is left alone once there is one': () =>
    world(
      async ({ page, see, asks }) => {
        const offer = page.getByRole('heading', { name: 'Sign in without codes' });
        // One offer at a time.
        await page.getByRole('heading', { name: 'Let it ring' }).waitFor();
        assert.equal(await offer.count(), 0);
        await page.getByRole('button', { name: 'Not now' }).click();
        await offer.waitFor();
        await see('app_passkey_offer');
        await page.getByRole('button', { name: 'Not now' }).click();
        await offer.waitFor({ state: 'hidden' });
        // Nor is it offered again after the next code.
        await answer(page, (await asks()).code);
        await heading(page, 'Nothing is waiting');
        assert.equal(await offer.count(), 0);
        await tab(page, 'Account');
        await proveByPage(page, () => page.getByRole('button', { name: 'Add a passkey' }).click());
        await page.getByText('Passkey, Linux computer').waitFor();
      },
      { passkey: true },
    ),

  'the offer of a passkey leads to where it is added': () =>
    world(
      async ({ page, asks }) => {
        await page.getByRole('button', { name: 'Not now' }).click();
        const { code: right } = await asks();
        await asked(page);
        await code(page).fill(right);
        await confirm(page).click();
        await page.getByRole('button', { name: 'Set one up' }).click();
        assert.equal(await focusedHeading(page), 'Add a passkey');
        await proveByPage(page, () => page.getByRole('button', { name: 'Add a passkey' }).click());
        await page.getByText('Passkey, Linux computer').waitFor();
        await tab(page, 'Now');
        await heading(page, 'Nothing is waiting');
        assert.equal(await page.getByRole('heading', { name: 'Sign in without codes' }).count(), 0);
      },
      { passkey: true },
    ),

  'a browser that is none of the listed models is told which are taken': async () => {
    const policy = '[[passkeys.models]]\nname = "Example Key 5"\naaguid = "876ca4f5-2071-c3e9-b255-09ef2cdf7ed6"\nroots = "roots.pem"\n';
    const service = await Service.start({ policy, files: { 'roots.pem': ROOT } });
    try {
      await world(
        async ({ page, see }) => {
          await tab(page, 'Account');
          await proveByPage(page, () => page.getByRole('button', { name: 'Add a passkey' }).click());
          await page.getByText('only these authenticators are accepted here: Example Key 5').waitFor();
          await see('app_passkey_model');
        },
        { passkey: true, service },
      );
    } finally {
      await service.stop();
    }
  },

  'a passkey that was removed is gone from the list of the browser too': () =>
    world(
      async ({ page, key }) => {
        await tab(page, 'Account');
        await proveByPage(page, () => page.getByRole('button', { name: 'Add a passkey' }).click());
        await page.getByText('Passkey, Linux computer').waitFor();
        const signals = await page.evaluate(() => 'signalAllAcceptedCredentials' in PublicKeyCredential);
        assert.equal(signals, true, 'this browser has the signal methods');
        // The page was shown anew after it was added: what counts stays.
        assert.equal((await key.keys()).length, 1);
        await page.getByRole('button', { name: 'Remove Passkey, Linux computer' }).click();
        await page.getByRole('button', { name: 'Remove it' }).click();
        await page.getByText('“Passkey, Linux computer” is removed.').waitFor();
        assert.equal((await key.keys()).length, 0);
      },
      { passkey: true },
    ),

  'a second device is bound with a code from the first, and one answer ends the prompt on both': () =>
    world(async ({ service, subscriber, asks, page, see }) => {
      await tab(page, 'Account');
      await proveByPage(page, () => page.getByRole('button', { name: 'Make a binding code' }).click());
      const made = await page.locator('.invite-code').textContent();
      await page.getByRole('img', { name: 'QR code of the binding code' }).waitFor();
      await see('app_another_device');
      await visit(
        async ({ page: tablet }) => {
          await tablet.goto(`${service.origin}/app`);
          await tablet.getByLabel('Binding code').fill(made);
          await tablet.getByLabel('Your name').fill(subscriber);
          await tablet.getByLabel('Name of this device').fill('Tablet');
          await tablet.getByRole('button', { name: 'Bind this device' }).click();
          await tablet.getByRole('button', { name: 'Go on' }).click();
          await tablet.locator('[data-connected="true"]').waitFor();
          await tab(page, 'Now');
          const attempt = await asks();
          await asked(page);
          await answer(tablet, attempt.code);
          await heading(page, 'This prompt is over');
        },
        { extraHTTPHeaders: { 'X-Forwarded-For': '192.0.2.200' } },
      );
    }),

  'nobody is a caller until they have started a check': () =>
    world(async ({ page, see, walk }) => {
      await tab(page, 'Help');
      await heading(page, 'Help');
      await page.getByRole('button', { name: 'Check the caller' }).click();
      await page.getByText('Nobody has started a check.').waitFor();
      await see('app_help');
      await walk();
    }),

  'the worker rings with fixed words': () =>
    world(async ({ service, page, context }) => {
      await context.grantPermissions(['notifications']);
      const session = await context.newCDPSession(page);
      const registered = new Promise((resolve) => session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registrations[0] && resolve(registrations[0])));
      await session.send('ServiceWorker.enable');
      const { registrationId, scopeURL } = await registered;
      assert.equal(scopeURL, `${service.origin}/app`);
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
      const notification = () =>
        page.evaluate(async () => {
          const [first] = await (await navigator.serviceWorker.ready).getNotifications();
          return first ? [first.title, first.body] : null;
        });
      let shown = null;
      // Chromium drops a message that arrives while the worker is being replaced.
      for (let tries = 0; tries < 40 && !shown; tries += 1) {
        await session.send('ServiceWorker.deliverPushMessage', { origin: service.origin, registrationId, data: '{"v":1}' });
        await page.waitForTimeout(250);
        shown = await notification();
      }
      assert.deepEqual(shown, ['Someone is signing in', 'Open Pushback']);
    }),
};
