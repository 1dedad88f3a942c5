// What people do with the pages of the real service, in a real browser. Names of journeys as arguments
// run only those files.
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { close, open } from './world.mjs';

/** Journeys at a time: most of one is waiting. */
const AT_ONCE = 3;

const wanted = process.argv.slice(2);
const tally = { passed: 0, failed: 0 };
const folder = new URL('journeys/', import.meta.url);
const files = readdirSync(folder).sort().filter((name) => wanted.length === 0 || wanted.includes(name.replace('.mjs', '')));
const journeys = [];
for (const name of files) journeys.push(...Object.entries((await import(new URL(name, folder))).journeys));

describe('journeys', { concurrency: AT_ONCE }, () => {
  before(open);
  after(close);
  for (const [sentence, act] of journeys) {
    test(sentence, { timeout: 150_000 }, async () => {
      tally.failed += 1;
      await act();
      tally.failed -= 1;
      tally.passed += 1;
    });
  }
});
process.on('exit', () => {
  // A journey that never began passed nothing.
  const missing = journeys.length - tally.passed - tally.failed;
  console.log(`journeys: ${tally.passed} passed, ${tally.failed + missing} failed`);
});
