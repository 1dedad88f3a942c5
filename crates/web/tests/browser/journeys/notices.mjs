// What the links in notices do, and what they do not do by themselves.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { administrator, answer, heading, visit, world } from '../world.mjs';

/** The link in the mail to this person, once it is there. */
async function link(service, subscriber, path = 'notices') {
  for (let tries = 0; tries < 100; tries += 1) {
    for (const name of readdirSync(service.folder, { recursive: true })) {
      if (!String(name).endsWith('.eml')) continue;
      const mail = readFileSync(join(service.folder, String(name)), 'utf8');
      const found = mail.includes(`Account: ${subscriber}`) && mail.match(new RegExp(`^(http\\S+/${path}/\\S+)\r?$`, 'm'));
      if (found) return found[1];
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no link for ${subscriber}`);
}

export const journeys = {
  'the link in a notice asks first, its button takes the binding back, and the help desk gives it back': () =>
    world(async ({ service, subscriber, asks, page }) => {
      const address = await link(service, subscriber);
      const bound = async () => (await service.run('subscriber', 'show', subscriber)).authenticators[0];
      await visit(async ({ page: mailbox, see, walk }) => {
        await mailbox.goto(address);
        await heading(mailbox, 'Was this not you?');
        await see('notice_ask');
        await walk();
        assert.equal((await bound()).is_disputed, false, 'looking does nothing');
        await mailbox.getByRole('button', { name: 'This was not me' }).click();
        await heading(mailbox, 'It is stopped');
        await mailbox.getByText('extension 100').waitFor();
        await see('notice_done');
        await mailbox.goto(address);
        await mailbox.getByRole('button', { name: 'This was not me' }).click();
        await heading(mailbox, 'This link no longer works');
        await see('notice_over');
      });
      assert.equal((await bound()).is_disputed, true);
      assert.equal((await asks()).decision.kind, 'passkey_only');
      await page.reload();
      await page.getByText('said that this device is not yours').waitFor();

      const { id } = await bound();
      await service.run('subscriber', 'close', subscriber);
      await service.run('subscriber', 'settle', subscriber, String(id));
      assert.equal((await bound()).is_disputed, true, 'one person alone asks for it');
      await administrator(service, 'kim', async ({ page: second }) => {
        await second.getByRole('link', { name: subscriber }).click();
        await second.getByRole('button', { name: 'Confirm that it answers again' }).click();
        await second.getByText('It can answer again.').waitFor();
      });
      await service.run('subscriber', 'restore', subscriber);
      await page.reload();
      await page.locator('[data-connected="true"]').waitFor();
      const attempt = await asks();
      await answer(page, attempt.code);
      assert.equal((await service.outcome(attempt)).state, 'verified');
    }),

  'the link in the notice of a reset asks first, and its button stops the reset': () =>
    world(async ({ service, subscriber, asks, page }) => {
      await service.run('subscriber', 'reset', subscriber);
      const address = await link(service, subscriber, 'stop');
      const waits = async () => (await service.run('subscriber', 'show', subscriber)).reset !== null;
      await visit(async ({ page: mailbox, see, walk }) => {
        await mailbox.goto(address);
        await heading(mailbox, 'Did you not ask for this?');
        await see('stop_ask');
        await walk();
        assert.ok(await waits(), 'looking does nothing');
        await mailbox.getByRole('button', { name: 'Stop it' }).click();
        await heading(mailbox, 'It is stopped');
        await mailbox.getByText('extension 100').waitFor();
        await see('stop_done');
        await mailbox.goto(address);
        await mailbox.getByRole('button', { name: 'Stop it' }).click();
        await heading(mailbox, 'This link no longer works');
      });
      assert.equal(await waits(), false);
      const attempt = await asks();
      await answer(page, attempt.code);
      assert.equal((await service.outcome(attempt)).state, 'verified');
    }),
};
