// What is waiting: nothing, a caller, prompts that did not ring; or why prompts are stopped.
import { openPasskeys } from './account.js';
import { platform } from './bind.js';
import { callCard } from './calls.js';
import { button, el, focusHeading, icon } from './dom.js';
import { shown } from './context.js';
import { hasPasskeys } from './passkey.js';
import { askForPush, canAskForPush } from './push.js';
import { withRight } from './right.js';
import { say, when } from './words.js';

export function nowView(app) {
  return el(
    'div',
    { class: 'view now' },
    app.calls.map((call) => callCard(app, call)),
    el('div', { class: 'idle' }, el('div', { class: 'sign calm' }, icon('shield')), el('h1', {}, say('now_idle_title')), el('p', { class: 'lead' }, say('now_idle_text'))),
    quietQueue(app),
    offer(app),
  );
}

function quietQueue(app) {
  const quiet = app.prompts.quiet.filter((prompt) => app.isWaiting(prompt));
  if (quiet.length === 0) return null;
  return el(
    'section',
    { class: 'card', 'aria-labelledby': 'app-quiet' },
    el('h2', { id: 'app-quiet' }, icon('quiet'), say('now_quiet_title')),
    el('p', { class: 'hint' }, say('now_quiet_lead')),
    el('ul', { class: 'rows' }, quiet.map((prompt) => quietRow(app, prompt))),
  );
}

function quietRow(app, prompt) {
  const lines = shown(prompt);
  const first = lines[0][1];
  const place = lines.slice(2).find(([, value]) => value)?.[1] ?? say('unknown');
  const open = button(say('now_quiet_open'), () => app.openPrompt(prompt), { kind: 'small', label: `${say('now_quiet_open')}: ${first}, ${when(prompt.created_at)}` });
  return el('li', {}, el('div', {}, el('strong', {}, first || say('unknown')), el('small', {}, `${place} · ${when(prompt.created_at)}`)), open);
}

/** One thing at a time that would make the next sign-in better. */
export function offer(app) {
  if (!app.options.isWhole) return null;
  const isInstalled = window.matchMedia('(display-mode: standalone)').matches;
  if (platform() === 'ios' && !isInstalled) {
    return el('section', { class: 'card' }, el('h2', {}, icon('phone'), say('install_title')), el('p', {}, say('install_text')));
  }
  const place = el('div', {});
  const next = async () => {
    if (!(await app.keyring.note('push')) && (await canAskForPush())) place.replaceChildren(pushOffer(app, next));
    else if (await wantsPasskey(app)) place.replaceChildren(passkeyOffer(app, next));
    else place.replaceChildren();
  };
  next();
  return place;
}

/** An offer, until `next` takes its place. */
function pushOffer(app, next) {
  const card = el('section', { class: 'card' });
  const result = el('p', { class: 'hint', role: 'status' });
  const actions = el(
    'div',
    { class: 'actions row' },
    button(say('now_push_allow'), async () => {
      const isOn = await askForPush(app.api);
      result.textContent = say(isOn ? 'push_done' : 'push_refused');
      actions.hidden = true;
      app.keyring.keepNote('push', 'asked');
    }),
    button(
      say('now_push_later'),
      async () => {
        await app.keyring.keepNote('push', 'later');
        await next();
      },
      { kind: 'link' },
    ),
  );
  card.append(el('h2', {}, icon('bell'), say('now_push_title')), el('p', {}, say('now_push_text')), actions, result);
  return card;
}

// Whoever said "not now" is asked again after so long.
const OFFERED_EVERY_MS = 30 * 24 * 60 * 60 * 1000;

/** Whether a page could trick a code out of this person that a passkey would keep. */
async function wantsPasskey(app) {
  if (!hasPasskeys() || !app.me || app.me.has_passkey) return false;
  return Date.now() - ((await app.keyring.note('passkey')) ?? 0) > OFFERED_EVERY_MS;
}

function passkeyOffer(app, next) {
  const later = async () => {
    await app.keyring.keepNote('passkey', Date.now());
    await next();
  };
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, icon('key'), say('now_passkey_title')),
    el('p', {}, say('now_passkey_text')),
    el('div', { class: 'actions row' }, button(say('now_passkey_open'), () => openPasskeys(app)), button(say('now_push_later'), later, { kind: 'link' })),
  );
}

export function suspendedView(app) {
  const { suspension } = app.me;
  const result = el('p', { class: 'error', role: 'alert' });
  const lift = async () => {
    result.textContent = '';
    try {
      const lifted = await withRight(app, result, async (right) => {
        await app.api.call('POST', '/v1/suspension/lift', { right });
        return true;
      });
      if (!lifted) return;
      app.announce(say('suspended_lifted'));
      await app.refresh();
      focusHeading(app.main);
    } catch (error) {
      result.textContent = app.reason(error);
    }
  };
  const canLift = suspension?.can_use_passkey && hasPasskeys();
  return el(
    'div',
    { class: 'view' },
    app.calls.map((call) => callCard(app, call)),
    el('div', { class: 'sign bad' }, icon('shield')),
    el('h1', {}, say('suspended_title')),
    el('p', { class: 'lead' }, say('suspended_text', { at: when(suspension?.since) })),
    suspension?.reason && el('section', { class: 'card' }, el('h2', {}, say('suspended_why')), el('p', {}, suspension.reason.text)),
    el(
      'section',
      { class: 'card' },
      el('h2', {}, say('suspended_out')),
      canLift && [el('p', {}, say('suspended_passkey_text')), el('div', { class: 'actions' }, button(say('suspended_passkey'), lift, { kind: 'strong', sign: 'key' })), result],
      canLift && el('h3', {}, say('suspended_desk')),
      el('p', {}, suspension?.help_desk || say('suspended_desk_text')),
    ),
  );
}

export function unboundView(again) {
  return el(
    'div',
    { class: 'view' },
    el('div', { class: 'sign bad' }, icon('phone')),
    el('h1', {}, say('unbound_title')),
    el('p', { class: 'lead' }, say('unbound_text')),
    el('div', { class: 'actions' }, button(say('unbound_again'), again)),
  );
}
