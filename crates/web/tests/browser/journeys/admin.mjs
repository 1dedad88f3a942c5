import assert from 'node:assert/strict';
import { Service } from '../service.mjs';
import { administrator, asked, bind, deny, heading, tab, visit } from '../world.mjs';

/** The administration of a service of its own, with an administrator who is signed in. */
async function administration(act) {
  const service = await Service.start();
  try {
    await administrator(service, 'kim', (things) => act({ ...things, service }));
  } finally {
    await service.stop();
  }
}

/** Somebody with a phone, added and invited on the pages. */
async function withPhone({ page, see }, act) {
  await page.getByLabel('Login or mail').fill('robin@example.org');
  await page.getByLabel('Mail address for notices').fill('robin@example.com');
  await page.getByLabel('A second one').fill('robin@example.net');
  await page.getByRole('button', { name: 'Add a subscriber' }).click();
  await heading(page, 'robin@example.org');
  await page.getByRole('button', { name: 'Make a binding code' }).click();
  await page.getByRole('img').or(page.locator('.qr svg')).first().waitFor();
  const link = (await page.locator('code').allTextContents()).find((text) => text.includes('#bind='));
  await see('admin_invitation');
  await visit(async (phone) => {
    await bind(phone.page, { link });
    await act(phone);
  });
}

export const journeys = {
  'an administrator adds somebody, and each proves to the other who is calling': () =>
    administration(async (things) => {
      const { page, see, walk, service } = things;
      await withPhone(things, async ({ page: phone, see: seePhone, walk: walkPhone }) => {
        for (const [answer, shown] of [
          ['They said the same', /^Good: the code is that of .*kim/],
          ['Different, or they will not say', /^Hang up\. That was not .*kim/],
        ]) {
          await page.getByRole('button', { name: 'Start a check' }).click();
          const told = (await page.locator('.once .call-code').textContent()).trim();
          await see('admin_call');
          await phone.getByRole('button', { name: 'Check the caller' }).click();
          await phone.getByText('kim').first().waitFor();
          assert.equal((await phone.locator('.call-code > span').first().textContent()).trim(), told);
          await seePhone('app_call');
          await walkPhone();
          await phone.getByRole('button', { name: answer }).click();
          await phone.getByRole('heading', { level: 1, name: shown }).waitFor();
          await phone.getByRole('button', { name: 'Done' }).click();
        }
        // Whoever pretends to be the help desk has started an attack.
        assert.equal((await service.run('incidents')).length, 1);
        await page.getByRole('navigation').getByRole('link', { name: 'Incidents' }).click();
        await page.getByText('robin@example.org').waitFor();
        await see('admin_incidents');
        await walk();
      });
    }),

  'every page of the administration holds, empty and with something in it': () =>
    administration(async (things) => {
      const { page, see, walk, service } = things;
      const names = ['Subscribers', 'Incidents', 'Prompts', 'Relying parties', 'Policy', 'Audit'];
      const show = async (suffix) => {
        for (const name of names) {
          await page.getByRole('navigation').getByRole('link', { name }).click();
          await page.getByRole('heading', { level: 1 }).waitFor();
          await see(`admin_${name.toLowerCase().replace(' ', '_')}${suffix}`);
          if (suffix) await walk();
        }
      };
      await show('_empty');
      await page.getByRole('navigation').getByRole('link', { name: 'Subscribers' }).click();
      await withPhone(things, async ({ page: phone }) => {
        await service.attempt('robin@example.org', { ip: '198.51.100.7' });
        await asked(phone);
        await deny(phone).click();
        await phone.getByRole('button', { name: 'Report it', exact: true }).click();
        await heading(phone, 'Reported. Thank you.');
        await tab(phone, 'Now');
        await show('');
        await page.getByRole('navigation').getByRole('link', { name: 'Subscribers' }).click();
        await page.getByRole('link', { name: 'robin@example.org' }).click();
        await heading(page, 'robin@example.org');
        await see('admin_subscriber');
        await walk();
      });
      await page.getByRole('navigation').getByRole('link', { name: 'Relying parties' }).click();
      await page.getByLabel('Name').fill('Wiki');
      await page.getByRole('button', { name: 'Create a relying party' }).click();
      await page.getByText('shown this once').waitFor();
      await see('admin_secret');
      // The answer to a form, loaded anew, shows the page and does not act once more.
      await page.reload();
      await heading(page, 'Relying parties');
      assert.equal(await page.getByText('shown this once').count(), 0);
      assert.equal(await page.getByRole('row', { name: 'Wiki' }).count(), 1);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await heading(page, 'Administration');
    }),
};
