import assert from 'node:assert/strict';
import { NARROW } from '../drive.mjs';
import { Service } from '../service.mjs';
import { answer, asked, code, confirm, deny, focusedHeading, heading, proveByPage, tab, world, wrong } from '../world.mjs';

export const journeys = {
  'the code of the sign-in page, typed on the phone, takes the browser back to the application': () =>
    world(async ({ service, asks, computer, page, see, walk }) => {
      const attempt = await asks();
      assert.equal(attempt.decision.kind, 'prompt');
      const screen = await computer(attempt);
      const shown = (await screen.locator('.code b').allTextContents()).join('');
      assert.equal(shown, attempt.code);
      await page.bringToFront();
      await asked(page);
      for (const text of ['Payroll', 'We never call to ask you for this code', 'Chrome, Windows']) await page.getByText(text).first().waitFor();
      assert.equal(await focusedHeading(page), 'Are you signing in?', 'neither the field nor a button has the focus');
      await see('app_prompt');
      await walk();
      await code(page).fill(`${shown.slice(0, 3)} ${shown.slice(3)}`);
      await confirm(page).click();
      await heading(page, 'Confirmed');
      await see('app_verified');
      const { token } = await service.comesBack(screen, attempt);
      assert.equal(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).attempt, attempt.id);
      await page.getByRole('button', { name: 'Done' }).click();
      await heading(page, 'Nothing is waiting');
    }),

  'saying no is as large as saying yes, and needs no code': () =>
    world(async ({ asks, page }) => {
      await asks();
      await asked(page);
      const [yes, no] = [await confirm(page).boundingBox(), await deny(page).boundingBox()];
      assert.ok(no.width >= yes.width && no.height >= yes.height, `${JSON.stringify(no)} against ${JSON.stringify(yes)}`);
    }),

  'both answers are in sight on a small phone': () =>
    world(
      async ({ asks, page }) => {
        await asks();
        await asked(page);
        for (const answered of [confirm(page), deny(page)]) {
          const { y, height } = await answered.boundingBox();
          const top = (await page.getByRole('navigation').boundingBox()).y;
          assert.ok(y > 0 && y + height <= top);
        }
      },
      { viewport: NARROW },
    ),

  'two wrong codes are said with the tries left, and the right one still counts': () =>
    world(async ({ service, asks, page, see }) => {
      const attempt = await asks();
      await asked(page);
      await confirm(page).click();
      await page.getByText('Type the 6 digits').waitFor();
      await page.getByText('3 tries left').waitFor();
      for (const left of ['2 tries left', '1 try left']) {
        await code(page).fill(wrong(attempt.code));
        await confirm(page).click();
        await page.getByText(`That is not the code. ${left}.`).waitFor();
        assert.equal(await code(page).inputValue(), '');
        assert.ok(await code(page).evaluate((node) => node === document.activeElement && node.getAttribute('aria-invalid') === 'true'));
      }
      await see('app_wrong_code');
      await code(page).fill(attempt.code);
      await confirm(page).click();
      await heading(page, 'Confirmed');
      assert.equal((await service.show(attempt)).state, 'verified');
    }),

  'the third wrong code ends the prompt and counts as a refusal': () =>
    world(async ({ service, asks, page, see }) => {
      const attempt = await asks();
      await asked(page);
      for (let at = 0; at < 3; at += 1) {
        await code(page).fill(wrong(attempt.code));
        await confirm(page).click();
        if (at < 2) await page.getByText('That is not the code.').waitFor();
        await code(page).evaluate((node) => node.value === '').catch(() => true);
        await page.waitForFunction(() => (document.querySelector('#app-code')?.value ?? '') === '');
      }
      await heading(page, 'This prompt has ended');
      await see('app_ended');
      assert.equal((await service.show(attempt)).state, 'denied');
    }),

  'no is one tap; the page at the computer says so': () =>
    world(async ({ service, asks, computer, page, see }) => {
      const attempt = await asks();
      const screen = await computer(attempt);
      await page.bringToFront();
      await asked(page);
      await deny(page).click();
      await heading(page, 'Refused. Nobody got in.');
      assert.equal(await page.locator('input:checked').count(), 0);
      await see('app_denied');
      await heading(screen, 'Refused');
      await see('sign_in_denied', screen);
      assert.equal((await service.show(attempt)).state, 'denied');
      await page.getByRole('button', { name: 'Do not report' }).click();
      await heading(page, 'Nothing is waiting');
    }),

  'a report with notes stops everything, and a passkey brings the person back': () =>
    world(
      async ({ service, subscriber, asks, attacks, page, see, walk }) => {
        await tab(page, 'Account');
        await proveByPage(page, () => page.getByRole('button', { name: 'Add a passkey' }).click());
        await page.getByText('Passkey, Linux computer').waitFor();
        await tab(page, 'Now');
        const attempt = await attacks();
        await asked(page);
        await deny(page).click();
        await page.getByLabel('Someone called or wrote to me').check();
        await page.getByLabel('I typed my password on a page').check();
        await see('app_report');
        await walk();
        await page.getByRole('button', { name: 'Report it', exact: true }).click();
        await heading(page, 'Reported. Thank you.');
        await page.getByLabel('Change your password').check();
        await page.getByText('1 of 4 done').waitFor();
        await see('app_reported');
        assert.ok(['denied', 'reported'].includes((await service.show(attempt)).state));
        await page.getByRole('button', { name: 'Done' }).click();
        await heading(page, 'Prompts are stopped for you');
        await page.getByText('reported an attack').waitFor();
        await page.getByText('extension 100').waitFor();
        await see('app_suspended');
        const held = await asks();
        assert.equal(held.decision.kind, 'passkey_only');
        await page.getByRole('button', { name: 'Use my passkey' }).click();
        await heading(page, 'Nothing is waiting');
        assert.equal((await service.run('subscriber', 'show', subscriber)).suspended_at, null);
      },
      { passkey: true },
    ),

  'a mistaken confirmation can be reported': () =>
    world(async ({ attacks, page, see }) => {
      const attempt = await attacks();
      await asked(page);
      await code(page).fill(attempt.code);
      await page.keyboard.press('Enter');
      await heading(page, 'Confirmed');
      await page.getByRole('button', { name: 'That was a mistake' }).click();
      await heading(page, 'Report it');
      await page.getByLabel('I read a code to someone').check();
      await see('app_report_afterwards');
      await page.getByRole('button', { name: 'Report it', exact: true }).click();
      await heading(page, 'Reported. Thank you.');
      await page.getByRole('button', { name: 'Done' }).click();
      await heading(page, 'Prompts are stopped for you');
      await see('app_suspended_desk');
    }),

  'unknown is said, and what a stranger wrote stays text': () =>
    world(async ({ service, subscriber, page, see }) => {
      await service.attempt(subscriber, { agent: '<img src=x onerror=alert(1)>' });
      await asked(page);
      assert.ok((await page.getByText('unknown', { exact: true }).count()) > 1);
      await see('app_prompt_unknown');
    }),

  'after a refusal strangers do not ring: what they start waits under its own heading': () =>
    world(async ({ attacks, page, see, computer }) => {
      await attacks();
      await asked(page);
      await deny(page).click();
      await page.getByRole('button', { name: 'Do not report' }).click();
      await heading(page, 'Nothing is waiting');
      const quiet = await attacks();
      assert.equal(quiet.decision.kind, 'quiet');
      await page.getByRole('heading', { name: 'Did not ring' }).waitFor();
      await heading(page, 'Nothing is waiting');
      assert.ok(await page.locator('.knock').isHidden());
      await see('app_quiet');
      const screen = await computer(quiet);
      await screen.getByRole('heading', { level: 1 }).waitFor();
      await see('sign_in_quiet', screen);
      await page.bringToFront();
      await page.getByRole('button', { name: /^Open: Payroll/ }).click();
      await asked(page);
      await page.getByText('It did not ring').waitFor();
      await see('app_quiet_prompt');
      await answer(page, quiet.code);
    }),

  'a prompt that runs out says so': () =>
    world(async ({ asks, page, see }) => {
      await asks();
      await asked(page);
      // Both clocks, or a call of the app that comes between would set its own by the server's again.
      const laterMs = 3_600_000;
      await page.route('**/v1/time', async (route) => {
        const response = await route.fetch();
        const { unix_ms: serverMs } = await response.json();
        await route.fulfill({ response, json: { unix_ms: serverMs + laterMs } });
      });
      await page.evaluate((ms) => {
        const { now } = Date;
        Date.now = () => now() + ms;
      }, laterMs);
      await heading(page, 'Too late: this prompt has expired');
      await see('app_expired');
    }),

  'a prompt that the application takes back is over': () =>
    world(async ({ service, asks, page, see }) => {
      const attempt = await asks();
      await asked(page);
      await service.cancel(attempt);
      await heading(page, 'This prompt is over');
      await see('app_gone');
    }),

  'on another page a prompt only knocks': () =>
    world(async ({ asks, page, see }) => {
      await tab(page, 'Help');
      await heading(page, 'Help');
      await asks();
      await page.locator('.knock').getByText('Someone is signing in').waitFor();
      await heading(page, 'Help');
      await see('app_knock');
      await page.getByRole('button', { name: 'Look at it' }).click();
      await asked(page);
    }),

  'the keyboard alone is enough, and the order is field, yes, no': () =>
    world(async ({ service, asks, page }) => {
      const attempt = await asks();
      await asked(page);
      const order = [];
      for (let at = 0; at < 3; at += 1) {
        await page.keyboard.press('Tab');
        order.push(await page.evaluate(() => document.activeElement.id || document.activeElement.textContent));
      }
      assert.deepEqual(order, ['app-code', 'Yes, it’s me', 'No, this isn’t me']);
      await page.keyboard.press('Enter');
      await heading(page, 'Refused. Nobody got in.');
      assert.equal((await service.show(attempt)).state, 'denied');
    }),

  'no connection is said, the answer is kept, and the stream comes back by itself': async () => {
    const service = await Service.start({ hasLine: true });
    try {
      await world(
        async ({ asks, page, see }) => {
          const attempt = await asks();
          await asked(page);
          service.line.cut();
          await page.getByText('No connection to Example Ltd').waitFor();
          await code(page).fill(attempt.code);
          await confirm(page).click();
          await page.getByText('No connection: nothing was sent.').waitFor();
          await see('app_offline');
          assert.equal(await code(page).inputValue(), attempt.code);
          service.line.mend();
          await page.getByRole('button', { name: 'Try now' }).click();
          await page.locator('[data-connected="true"]').waitFor();
          await confirm(page).click();
          await heading(page, 'Confirmed');
          assert.equal((await service.show(attempt)).state, 'verified');
        },
        { service },
      );
    } finally {
      await service.stop();
    }
  },

  'a wrong clock is said and does not stand in the way': () =>
    world(
      async ({ invitation, asks, page, see }) => {
        await page.addInitScript(() => {
          const { now } = Date;
          Date.now = () => now() - 600_000;
        });
        await page.goto(invitation.link);
        await page.getByRole('button', { name: 'Bind this device' }).click();
        await page.getByRole('button', { name: 'Go on' }).click();
        await page.getByText('The clock of this device is 10 minutes behind').waitFor();
        const attempt = await asks();
        await asked(page);
        await see('app_clock');
        await answer(page, attempt.code);
      },
      { bound: false },
    ),
};
