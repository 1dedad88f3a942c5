// Chromium without a window, and what must hold for every page whatever it shows.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const PHONE = { width: 390, height: 844 };
export const NARROW = { width: 320, height: 640 };
export const DESKTOP = { width: 1280, height: 800 };
const SIZES = { phone: PHONE, narrow: NARROW, desktop: DESKTOP };

/** WCAG 2.2, 2.5.5: what is tapped is at least so large, in CSS pixels. */
const TARGET = 44;

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Where pictures go: the folder in PUSHBACK_PICTURES, or nowhere. */
const PICTURES = process.env.PUSHBACK_PICTURES;

export async function launch() {
  const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path && existsSync(path));
  if (!executablePath) throw new Error('no Chromium here; name it in CHROMIUM; on Debian: apt-get install chromium');
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A fresh browser profile with one page. `faults` collects what must not happen. */
export async function visitor(browser, options = {}) {
  const context = await browser.newContext({ viewport: PHONE, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(15_000);
  const faults = [];
  watch(await context.newPage(), faults);
  context.on('page', (page) => watch(page, faults));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
  });
  return { context, page: context.pages()[0], faults };
}

function watch(page, faults) {
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    // What a cut connection and a refusal look like to the console is part of the journeys.
    if (message.type() === 'error' && !/^Failed to load resource/.test(text)) faults.push(`console: ${text}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400 && new URL(response.url()).pathname.startsWith('/assets/')) faults.push(`missing: ${response.url()}`);
  });
}

/** A passkey that this browser holds; its owner always agrees. */
export async function virtualPasskey(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options });
  return {
    /** The keys, to be put into another page's authenticator. */
    keys: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    put: (credential) => session.send('WebAuthn.addCredential', { authenticatorId, credential }),
    clear: () => session.send('WebAuthn.clearCredentials', { authenticatorId }),
  };
}

/** Checks this state of the page at every size, in light and dark, and pictures it. */
export async function look(page, name) {
  const before = page.viewportSize();
  const faults = [];
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const where = `${name}_${size}${colorScheme === 'dark' ? '_dark' : ''}`;
      const found = [...(colorScheme === 'light' ? await layoutFaults(page) : []), ...(await contrastFaults(page))];
      faults.push(...found.map((fault) => `${where}: ${fault}`));
      await picture(page, where);
    }
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: 'light' });
  return faults;
}

/** Nothing may stick out to the side, and everything to tap is large enough. */
async function layoutFaults(page) {
  return page.evaluate((target) => {
    const faults = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) faults.push(`the page is ${document.documentElement.scrollWidth} wide in ${width}`);
    for (const node of document.querySelectorAll('button, a[href], input:not([type="hidden"]), select, textarea, summary')) {
      const box = node.getBoundingClientRect();
      if (!node.checkVisibility({ visibilityProperty: true }) || box.width === 0) continue;
      // A box to tick is tapped by its label; a link within a sentence is as high as its line.
      const label = node.closest('label');
      const { width: wide, height: high } = label ? label.getBoundingClientRect() : box;
      const isWithinText = node.closest('.banner') || (node.tagName === 'A' && node.closest('p, td, th, li, small') && getComputedStyle(node).display === 'inline');
      if (isWithinText || node.closest('.skip')) continue;
      if (high < target || wide < target) faults.push(`${node.tagName} "${(node.textContent.trim() || node.id).slice(0, 30)}" is ${Math.round(wide)} by ${Math.round(high)}`);
    }
    return faults;
  }, TARGET);
}

async function picture(page, name) {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: !name.startsWith('app_') });
}

/** Texts whose contrast is below WCAG 2.2 AA: 4.5, or 3 for large type. */
async function contrastFaults(page) {
  return page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const rgba = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = (top, under) => [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3]));
    const behind = (node) => {
      const layers = [];
      for (let at = node; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
      return layers.reduceRight((under, top) => over(top, under), [255, 255, 255]);
    };
    const light = (colour) => {
      const [r, g, b] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const faults = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent.trim();
      const node = walker.currentNode.parentElement;
      if (!text || !node.checkVisibility() || node.closest('.unseen, .skip, noscript')) continue;
      const style = getComputedStyle(node);
      const under = behind(node);
      const [a, b] = [light(over(rgba(style.color), under)), light(under)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (isLarge ? 3 : 4.5)) faults.add(`"${text.slice(0, 30)}" has a contrast of ${ratio.toFixed(2)}`);
    }
    return [...faults];
  });
}

/** What the keyboard does not reach, and where its place is not to be seen. */
export async function keyboardFaults(page) {
  const marked = await page.evaluate(() => {
    document.activeElement?.blur();
    getSelection()?.removeAllRanges();
    const nodes = [...document.querySelectorAll('button, a[href], input:not([type="hidden"]), select, textarea, summary')];
    const shown = nodes.filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.disabled);
    shown.forEach((node, at) => (node.dataset.walk = at));
    return shown.length;
  });
  const faults = [];
  const reached = new Set();
  for (let at = 0; at < marked * 2 + 10 && reached.size < marked; at += 1) {
    await page.keyboard.press('Tab');
    const place = await page.evaluate(() => {
      const node = document.activeElement;
      if (!node || node === document.body) return null;
      const ringed = node.closest('.choice') ?? node;
      return { walk: node.dataset.walk, text: (node.textContent.trim() || node.id).slice(0, 30), isSeen: getComputedStyle(ringed).outlineStyle !== 'none' };
    });
    if (!place) continue;
    if (place.walk !== undefined) reached.add(place.walk);
    if (!place.isSeen) faults.push(`the keyboard is not to be seen at "${place.text}"`);
  }
  if (reached.size < marked) {
    const missed = await page.evaluate((known) => [...document.querySelectorAll('[data-walk]')].filter((node) => !known.includes(node.dataset.walk)).map((node) => node.textContent.trim() || node.id), [...reached]);
    faults.push(`the keyboard does not reach ${missed.join(', ')}`);
  }
  return [...new Set(faults)];
}

/** The texts of the page as a screen reader meets them, with roles. */
export const spoken = (page) => page.locator('body').ariaSnapshot();
