// Somebody lost their phone, and has saved codes.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bind, heading, proveByPage, tab, visit, world } from '../world.mjs';

/** The code in the mail to this address, once it is there. */
async function mailed(service, address) {
  for (let tries = 0; tries < 100; tries += 1) {
    for (const name of readdirSync(service.folder, { recursive: true })) {
      if (!String(name).endsWith('.eml')) continue;
      const mail = readFileSync(join(service.folder, String(name)), 'utf8');
      const code = mail.includes(`To: ${address}`) && mail.match(/^ {4}([0-9A-Z]{4}-[0-9A-Z]{4})\r?$/m);
      if (code) return code[1];
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail to ${address}`);
}

export const journeys = {
  'without script a mailed and a saved code bind a new phone': () =>
    world(async ({ service, subscriber, asks, page }) => {
      await tab(page, 'Account');
      await proveByPage(page, () => page.getByRole('button', { name: 'Make new codes' }).click());
      const saved = (await page.locator('.codes li').first().textContent()).trim();
      const attempt = await asks();
      let link;
      await visit(
        async ({ page: screen, see, walk }) => {
          await screen.goto(attempt.page_url);
          await screen.getByRole('link', { name: 'I don’t have my phone' }).click();
          await heading(screen, 'Bind a new phone');
          await see('recovery_mail');
          await walk();
          await screen.getByRole('button', { name: 'Mail a code to my first address' }).click();
          await heading(screen, 'Type both codes');
          await see('recovery_codes');
          await walk();
          const code = await mailed(service, `mail.${subscriber}`);
          await screen.getByLabel('Code from the mail').fill('0000-0000');
          await screen.getByLabel('One of your saved recovery codes').fill(saved);
          await screen.getByRole('button', { name: 'Check both' }).click();
          await heading(screen, 'That did not work');
          await see('recovery_refused');
          await screen.getByLabel('Code from the mail').fill(code);
          await screen.getByLabel('One of your saved recovery codes').fill(saved);
          await screen.getByRole('button', { name: 'Check both' }).click();
          await heading(screen, 'Bind your new phone');
          await see('recovery_bind');
          link = await screen.getByRole('link', { name: 'Bind this device instead' }).getAttribute('href');
        },
        { javaScriptEnabled: false },
      );
      await visit(async ({ page: phone }) => bind(phone, { link }));
      const { authenticators } = await service.run('subscriber', 'show', subscriber);
      assert.equal(authenticators.filter(({ kind }) => kind === 'phone').length, 2);
    }),
};
