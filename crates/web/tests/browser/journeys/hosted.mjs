import assert from 'node:assert/strict';
import { spoken, virtualPasskey } from '../drive.mjs';
import { asked, deny, focusedHeading, heading, proveByPage, tab, visit, world } from '../world.mjs';

const CODE = 'Type this code into Pushback on your phone';

export const journeys = {
  'the code is read digit by digit, and the end is said and has the focus': () =>
    world(async ({ asks, computer, page, see, walk }) => {
      const attempt = await asks();
      const screen = await computer(attempt);
      await heading(screen, CODE);
      assert.ok((await spoken(screen)).includes(`Your code: ${attempt.code.split('').join(', ')}`));
      await see('sign_in_code', screen);
      await walk(screen);
      await deny(page).click();
      await heading(screen, 'Refused');
      assert.equal(await focusedHeading(screen), 'Refused');
      assert.match(await screen.title(), /^Refused/);
      await screen.getByRole('link', { name: /Payroll/ }).waitFor();
    }),

  'cancel is a plain form': () =>
    world(async ({ service, asks, computer, see }) => {
      const attempt = await asks();
      const screen = await computer(attempt);
      await screen.getByRole('button', { name: 'Cancel' }).click();
      await heading(screen, 'Cancelled');
      await see('sign_in_cancelled', screen);
      assert.equal((await service.show(attempt)).state, 'cancelled');
    }),

  'whoever comes while another prompt is open has to wait, and is told until when': () =>
    world(async ({ service, asks, attacks, computer, page, see }) => {
      await asks();
      await asked(page);
      const second = await attacks();
      assert.equal(second.decision.kind, 'wait');
      const screen = await computer(second);
      await screen.getByText(second.reason).waitFor();
      assert.equal(await screen.locator('.code').count(), 0);
      await see('sign_in_wait', screen);
      assert.equal((await service.show(second)).state, 'held');
    }),

  'a passkey that was made in the app signs in on the hosted page, and another is refused': () =>
    world(
      async ({ service, asks, computer, page, key, see }) => {
        await tab(page, 'Account');
        await proveByPage(page, () => page.getByRole('button', { name: 'Add a passkey' }).click());
        await page.getByText('Passkey, Linux computer').waitFor();
        await see('app_account');
        const attempt = await asks({ assurance: 'phishing_resistant' });
        assert.equal(attempt.decision.kind, 'passkey_only');
        const screen = await computer(attempt);
        const button = screen.getByRole('button', { name: 'Use a passkey' });
        await button.waitFor();
        await see('sign_in_passkey', screen);
        // Another page has another authenticator: first one without the key.
        const other = await virtualPasskey(screen);
        await button.click();
        await screen.getByText('The passkey was not used.').waitFor();
        for (const credential of await key.keys()) await other.put(credential);
        await button.click();
        await service.comesBack(screen, attempt);
        // Whoever sent the page's address to its owner has another browser.
        const elsewhere = await screen.context().browser().newContext();
        const sender = await elsewhere.newPage();
        await sender.goto(attempt.page_url);
        await sender.getByText('or in the browser where it was confirmed').waitFor();
        await see('sign_in_elsewhere', sender);
        assert.equal(await sender.locator('[data-go]').count(), 0);
        await elsewhere.close();
      },
      { passkey: true },
    ),

  'a page that is open in one browser shows no code in another': () =>
    world(async ({ asks, computer }) => {
      const attempt = await asks();
      const screen = await computer(attempt);
      await heading(screen, CODE);
      await visit(async ({ page: sent, see }) => {
        await sent.goto(attempt.page_url);
        await heading(sent, 'The code is not shown here');
        assert.equal(await sent.locator('.code').count(), 0);
        await see('sign_in_code_elsewhere');
      });
      await screen.reload();
      await heading(screen, CODE);
      assert.equal((await screen.locator('.code b').allTextContents()).join(''), attempt.code);
    }),

  'without script the code is there, the page loads itself again, and the end is said': () =>
    world(async ({ asks, page }) => {
      const attempt = await asks();
      await asked(page);
      await visit(
        async ({ page: screen, see }) => {
          await screen.goto(attempt.page_url);
          await heading(screen, CODE);
          assert.equal((await screen.locator('.code b').allTextContents()).join(''), attempt.code);
          assert.equal(await screen.locator('meta[http-equiv="refresh"]').getAttribute('content'), '5');
          await screen.getByRole('link', { name: 'Check now' }).waitFor();
          await see('sign_in_no_script');
          await deny(page).click();
          await heading(screen, 'Refused');
          assert.equal(await screen.locator('meta[http-equiv="refresh"]').count(), 0);
        },
        { javaScriptEnabled: false },
      );
    }),

  'without script the right code leads back, and cancel works': () =>
    world(async ({ service, asks, page }) => {
      await visit(
        async ({ page: screen }) => {
          const first = await asks();
          await screen.goto(first.page_url);
          await screen.getByRole('button', { name: 'Cancel' }).click();
          await heading(screen, 'Cancelled');
          assert.equal((await service.show(first)).state, 'cancelled');
          await page.getByRole('button', { name: 'Done' }).click().catch(() => {});
          const second = await asks();
          await screen.goto(second.page_url);
          await asked(page);
          await page.getByLabel('Code from the sign-in page').fill(second.code);
          await page.keyboard.press('Enter');
          await service.comesBack(screen, second);
        },
        { javaScriptEnabled: false },
      );
    }),

  'a page that nobody asked for says nothing and shows no code': () =>
    world(async ({ service, page, see }) => {
      const response = await page.goto(`${service.origin}/sign-in/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`);
      assert.equal(response.status(), 404);
      assert.equal(await page.locator('.code').count(), 0);
    }),
};
