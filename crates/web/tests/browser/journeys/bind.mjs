import assert from 'node:assert/strict';
import { NARROW } from '../drive.mjs';
import { focusedHeading, heading, world } from '../world.mjs';

export const journeys = {
  'a link binds the device, and the code leaves the address bar': () =>
    world(
      async ({ service, subscriber, invitation, page, see, walk }) => {
        await page.goto(invitation.link);
        await heading(page, 'Bind this device');
        assert.equal(new URL(page.url()).hash, '');
        assert.equal(await page.getByLabel('Binding code').inputValue(), new URL(invitation.link).hash.replace('#bind=', ''));
        assert.equal(await page.getByLabel('Your name').isVisible(), false, 'a link needs no name');
        assert.equal((await service.run('subscriber', 'show', subscriber)).authenticators.length, 0, 'a link alone binds nothing');
        await see('app_bind');
        await walk();
        await page.getByRole('button', { name: 'Bind this device' }).click();
        await heading(page, 'This device is bound');
        await page.getByText('extension 100').waitFor();
        assert.equal(await focusedHeading(page), 'This device is bound');
        await see('app_bound');
        await page.getByRole('button', { name: 'Go on' }).click();
        await heading(page, 'Nothing is waiting');
        await see('app_now');
        await walk();
        assert.equal((await service.run('subscriber', 'show', subscriber)).authenticators.length, 1);
      },
      { bound: false },
    ),

  'a typed code that is not valid is refused with a reason, and an empty one is not sent': () =>
    world(
      async ({ service, page, see }) => {
        await page.goto(`${service.origin}/app`);
        await page.getByRole('button', { name: 'Bind this device' }).click();
        await page.getByText('Type the binding code first.').waitFor();
        await page.getByLabel('Binding code').fill('not a code');
        await page.getByRole('button', { name: 'Bind this device' }).click();
        await page.getByText('Type your name too').waitFor();
        await page.getByLabel('Your name').fill('somebody@example.org');
        await page.getByRole('button', { name: 'Bind this device' }).click();
        await page.getByText('This binding code is not valid').waitFor();
        await see('app_bind_refused');
      },
      { bound: false, viewport: NARROW },
    ),

  'a code that was typed binds beside the name that it was made for': () =>
    world(
      async ({ service, subscriber, invitation, page }) => {
        await page.goto(`${service.origin}/app`);
        await page.getByLabel('Binding code').fill(invitation.code.toLowerCase());
        await page.getByLabel('Your name').fill('somebody@example.org');
        await page.getByRole('button', { name: 'Bind this device' }).click();
        await page.getByText('This binding code is not valid').waitFor();
        await page.getByLabel('Your name').fill(subscriber);
        await page.getByRole('button', { name: 'Bind this device' }).click();
        await heading(page, 'This device is bound');
        assert.equal((await service.run('subscriber', 'show', subscriber)).authenticators.length, 1);
      },
      { bound: false },
    ),

  'the private key cannot be read, not even by our own script': () =>
    world(async ({ page }) => {
      const outcome = await page.evaluate(async () => {
        const { Keyring } = await import('/assets/app/keys.js');
        const { privateKey } = await (await Keyring.open('pushback')).load();
        const tried = await crypto.subtle.exportKey('jwk', privateKey).then(() => 'exported', (error) => error.name);
        return { tried, isExtractable: privateKey.extractable };
      });
      assert.deepEqual(outcome, { tried: 'InvalidAccessError', isExtractable: false });
    }),

  'a bound device does not give up its key for a link without being asked': () =>
    world(async ({ service, subscriber, page, see }) => {
      await page.goto('about:blank');
      await page.goto(`${service.origin}/app#bind=ABCDEFGHJKMNPQRSTVWXYZ23`);
      await heading(page, 'This device is bound already');
      await see('app_bound_already');
      await page.getByRole('button', { name: 'Keep it as it is' }).click();
      await heading(page, 'Nothing is waiting');
      assert.equal((await service.run('subscriber', 'show', subscriber)).authenticators.length, 1);
    }),

  'the binding outlives a reload': () =>
    world(async ({ page }) => {
      await page.reload();
      await heading(page, 'Nothing is waiting');
    }),
};
