import assert from 'node:assert/strict';
import { DESKTOP } from '../drive.mjs';
import { startDemo } from '../service.mjs';
import { visit } from '../world.mjs';

/** Rings in ten minutes, as the policy has it when nothing is configured. */
const BUDGET = 3;

const count = async (page, name) => Number(await page.locator(`[data-count="${name}"]`).textContent());
const until = (page, name, least) =>
  page.waitForFunction(([place, count]) => Number(document.querySelector(`[data-count="${place}"]`).textContent) >= count, [name, least], { timeout: 100_000 });
const said = (page, kind) => page.getByRole('log').locator(`.k-${kind}`);

/** Begins to sign in on the computer of the panel; the phone beside it asks. */
async function signIn(page) {
  const computer = page.getByRole('region', { name: 'A computer' });
  const phone = page.locator('#phone');
  const shown = () => phone.locator('form.prompt').getAttribute('data-prompt', { timeout: 100 }).catch(() => null);
  const others = await shown();
  await computer.getByRole('button', { name: 'Sign in' }).click();
  await computer.getByRole('heading', { name: 'Type this code' }).waitFor();
  const right = (await computer.locator('.code b').allTextContents()).join('');
  // Another's prompt that is on the phone, or comes to it just now, ends when the owner's takes its place.
  const over = phone.getByRole('heading', { name: 'This prompt is over' });
  const until = Date.now() + 15_000;
  for (let last = null, now = null; !now || now === others || now !== last; last = now, now = await shown()) {
    assert.ok(Date.now() < until, 'the owner’s prompt comes to the phone');
    if (await over.isVisible()) await phone.getByRole('button', { name: 'Look at it' }).click();
    await page.waitForTimeout(300);
  }
  return { computer, phone, right };
}

async function type({ computer, phone, right }) {
  await phone.getByLabel('Code from the sign-in page').fill(right);
  await phone.getByRole('button', { name: 'Yes, it’s me' }).click();
  await computer.getByRole('heading', { name: 'You are signed in' }).waitFor();
}

const panel = async (act) => {
  const demo = await startDemo();
  try {
    await visit(
      async (things) => {
        await things.page.goto(`${demo.origin}/demo`);
        await things.page.getByRole('button', { name: 'A caller with the code' }).click();
        await things.page.getByText('bind the phone beside the computer first').waitFor();
        await things.page.locator('#phone').getByRole('button', { name: 'Bind this device' }).click();
        await things.page.locator('#phone').getByRole('button', { name: 'Go on' }).click();
        await act({ ...things, demo });
      },
      { viewport: DESKTOP },
    );
  } finally {
    await demo.stop();
  }
};

export const journeys = {
  '200 attempts ring no more than the budget, keep nobody out, and become an incident': () =>
    panel(async ({ page, see, walk }) => {
      await see('demo_start');
      await walk();
      const first = await signIn(page);
      await see('demo_prompt');
      await type(first);
      const { computer, phone } = first;
      await phone.getByRole('button', { name: 'Done' }).click();
      const before = await count(page, 'rang');
      assert.equal(before, 1);
      await page.getByRole('button', { name: '200 attempts in a minute' }).click();
      await phone.locator('form.prompt').waitFor();
      await until(page, 'asked', 30);
      await see('demo_flood');
      // The owner comes while the attack goes on, from the browser that is known.
      await computer.getByRole('link', { name: 'Sign out' }).click();
      const own = await signIn(page);
      await see('demo_own_sign_in');
      await type(own);
      assert.ok((await count(page, 'asked')) < 201, 'it was during the attack');
      await phone.getByRole('button', { name: 'Done' }).click();
      // The next of the attack asks at once.
      await phone.getByRole('button', { name: 'No, this isn’t me' }).click();
      await phone.getByRole('button', { name: 'Do not report' }).click();
      // After the refusal strangers are silent, and the owner still gets in.
      await computer.getByRole('link', { name: 'Sign out' }).click();
      await type(await signIn(page));
      await phone.getByRole('button', { name: 'Done' }).click();
      // Enough of it: a report ends the ringing, and is an incident while the attack goes on.
      const waiting = phone.getByRole('button', { name: /^Open: Example payroll/ });
      const no = phone.getByRole('button', { name: 'No, this isn’t me' });
      await waiting.or(no).first().waitFor();
      if (await waiting.isVisible()) await waiting.click();
      await no.click();
      await phone.getByRole('button', { name: 'Report it', exact: true }).click();
      await phone.getByRole('heading', { name: 'Reported. Thank you.' }).waitFor();
      await said(page, 'incident').first().waitFor();
      assert.ok((await count(page, 'asked')) < 203, 'the incident is there before the attack is over');
      await see('demo_incident');
      await until(page, 'asked', 203);
      assert.ok((await count(page, 'rang')) - before <= BUDGET, `${await count(page, 'rang')} rings`);
      assert.ok((await count(page, 'refused')) + (await count(page, 'quiet')) > 190);
      await see('demo_after');
    }),

  'a spray over many people and a caller with the code are shown for what they are': () =>
    panel(async ({ page, see }) => {
      await page.getByRole('button', { name: 'A caller with the code' }).click();
      const phone = page.locator('#phone');
      await page.getByRole('log').getByText('Somebody calls').waitFor();
      await phone.getByRole('heading', { name: 'Are you signing in?' }).waitFor();
      await see('demo_caller');
      await phone.getByRole('button', { name: 'No, this isn’t me' }).click();
      await phone.getByRole('button', { name: 'Report it', exact: true }).click();
      await phone.getByRole('heading', { name: 'Reported. Thank you.' }).waitFor();
      await said(page, 'reported').first().waitFor();
      await page.getByRole('button', { name: 'A spray over' }).click();
      await until(page, 'asked', 51);
      assert.equal(await count(page, 'rang'), 1);
      await see('demo_spray');
      // A page that is loaded again keeps its phone and what happened.
      await page.reload();
      await page.getByRole('log').getByText('Somebody calls').waitFor();
      await page.locator('#phone').getByRole('heading', { name: 'Prompts are stopped for you' }).waitFor();
    }),

  'a phone that forgot its key is bound anew, by two of the help desk': () =>
    panel(async ({ page, demo }) => {
      await page.evaluate(async () => {
        for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
      });
      await page.goto('about:blank');
      await page.goto(`${demo.origin}/demo`);
      await page.locator('#phone').getByRole('button', { name: 'Bind this device' }).click();
      await page.locator('#phone').getByRole('button', { name: 'Go on' }).click();
      await page.locator('#phone').getByRole('heading', { name: 'Nothing is waiting' }).waitFor();
    }),

  'a real phone on the same network takes the place of the one on the page': async () => {
    const demo = await startDemo('--lan=127.0.0.1');
    try {
      await visit(
        async ({ page, see }) => {
          await page.goto(`${demo.origin}/demo`);
          await page.getByRole('button', { name: 'Use my own phone' }).click();
          await page.locator('.own-phone svg').waitFor();
          await see('demo_own_phone');
          const link = await page.locator('.own-phone code').first().textContent();
          assert.match(link, /^https:\/\/127\.0\.0\.1:\d+\/app#bind=/);
          await visit(
            async ({ page: phone }) => {
              await phone.goto(link);
              await phone.getByRole('button', { name: 'Bind this device' }).click();
              await phone.getByRole('button', { name: 'Go on' }).click();
              const computer = page.getByRole('region', { name: 'A computer' });
              await computer.getByRole('button', { name: 'Sign in' }).click();
              await computer.getByRole('heading', { name: 'Type this code' }).waitFor();
              const right = (await computer.locator('.code b').allTextContents()).join('');
              await phone.getByLabel('Code from the sign-in page').fill(right);
              await phone.getByRole('button', { name: 'Yes, it’s me' }).click();
              await computer.getByRole('heading', { name: 'You are signed in' }).waitFor();
              // The page loaded anew does not take the place back by itself.
              await page.reload();
              await page.getByRole('heading', { name: 'Your own phone' }).waitFor();
              await phone.reload();
              await phone.getByRole('heading', { name: 'Nothing is waiting' }).waitFor();
            },
            { ignoreHTTPSErrors: true },
          );
        },
        { viewport: DESKTOP },
      );
    } finally {
      await demo.stop();
    }
  },
};
