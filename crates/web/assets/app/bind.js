// Ties this device to a subscriber: a code, a key made here, a proof that we hold it.
import { Problem } from './api.js';
import { button, el, field, focusHeading, icon } from './dom.js';
import { makePair, sign, thumbprint } from './keys.js';
import { canScan, scanner } from './scan.js';
import { say } from './words.js';

const BAD_CODE = new Set(['wrong_proof', 'code_expired']);

/** What kind of device this is, as far as the browser says. */
export function platform() {
  const text = `${navigator.userAgentData?.platform ?? ''} ${navigator.userAgent}`.toLowerCase();
  if (text.includes('android')) return 'android';
  if (/iphone|ipad/.test(text)) return 'ios';
  if (text.includes('windows')) return 'windows';
  if (text.includes('mac')) return 'macos';
  if (text.includes('linux')) return 'linux';
  return 'other';
}

/** A link's secret binds alone; a code to be typed has ten letters and digits, and counts beside a name. */
const needsName = (binding) => binding.replaceAll(/[^0-9a-z]/gi, '').length < 24;

/** Makes the key and binds it. */
async function bind(app, { binding, subscriber, name }) {
  const { privateKey, jwk } = await makePair();
  const proof = await sign(privateKey, `pushback-bind-v1\n${binding}\n${await thumbprint(jwk)}`);
  const answer = await app.api.open('POST', '/v1/authenticators', { binding, subscriber, public_key: jwk, name, platform: platform(), proof });
  app.bound = { id: answer.id, subscriber: answer.subscriber, name, privateKey };
  await app.keyring.save(app.bound);
  // Asks the browser not to clear the key when space runs out. It may say no.
  navigator.storage?.persist?.().catch(() => {});
  return answer;
}

export function bindView(app, given, bindName) {
  const node = el('div', { class: 'view' });
  if (app.bound) alreadyBound(app, node, given, bindName);
  else form(app, node, given, bindName);
  return node;
}

function alreadyBound(app, node, given, bindName) {
  node.replaceChildren(
    el('h1', {}, say('bind_already_title')),
    el('p', { class: 'lead' }, say('bind_already_text', { subscriber: app.bound.subscriber })),
    el(
      'div',
      { class: 'actions' },
      button(say('bind_already_keep'), () => app.enter(), { kind: 'strong' }),
      button(say('bind_already_anew'), () => {
        form(app, node, given, bindName);
        focusHeading(node);
      }),
    ),
  );
}

function form(app, node, given, bindName) {
  const code = el('input', { id: 'app-binding', type: 'text', value: given, autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', class: 'typed', maxlength: 200 });
  const who = el('input', { id: 'app-who', type: 'text', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', maxlength: 200 });
  const name = el('input', { id: 'app-name', type: 'text', value: bindName ?? say(`device_${platform()}`), autocomplete: 'off', maxlength: 60 });
  const codeField = field(say('bind_code'), code, say(given ? 'bind_code_given' : 'bind_code_hint'));
  const whoField = field(say('bind_who'), who, say('bind_who_hint'));
  const nameField = field(say('bind_name'), name, say('bind_name_hint'));
  const asksWho = () => (whoField.node.hidden = Boolean(code.value.trim()) && !needsName(code.value));
  code.addEventListener('input', asksWho);
  asksWho();
  const failure = el('p', { class: 'error', role: 'alert' });
  const submit = el('button', { type: 'submit', class: 'button strong' }, icon('phone'), el('span', {}, say('bind_submit')));
  const camera = el('div');
  const scan = button(
    say('bind_scan'),
    () =>
      scanner(camera, (found) => {
        code.value = found;
        codeField.clear();
        asksWho();
        (whoField.node.hidden ? name : who).focus();
      }),
    { kind: 'plain' },
  );
  scan.hidden = true;
  canScan().then((can) => (scan.hidden = !can));

  const body = el(
    'form',
    { class: 'view', novalidate: true },
    el('h1', {}, say('bind_title')),
    el('p', { class: 'lead' }, say('bind_lead')),
    el('p', { class: 'warning' }, icon('warn'), el('span', {}, say('bind_warning'))),
    codeField.node,
    scan,
    camera,
    whoField.node,
    nameField.node,
    failure,
    el('div', { class: 'actions' }, submit),
    el('p', { class: 'hint' }, say('bind_key_note')),
  );
  body.addEventListener('submit', async (event) => {
    event.preventDefault();
    failure.textContent = '';
    for (const { clear } of [codeField, whoField, nameField]) clear();
    const typed = code.value.trim().replaceAll(/\s/g, '');
    if (!typed) return codeField.fail(say('bind_code_missing'));
    const subscriber = needsName(typed) ? who.value.trim() : null;
    if (subscriber === '') return whoField.fail(say('bind_who_missing'));
    if (!name.value.trim()) return nameField.fail(say('bind_name_missing'));
    submit.disabled = true;
    try {
      done(app, node, await bind(app, { binding: typed, subscriber, name: name.value.trim() }));
    } catch (error) {
      const isOfTheCode = error instanceof Problem && BAD_CODE.has(error.code);
      failure.textContent = isOfTheCode ? say('bind_refused') : app.reason(error);
    } finally {
      submit.disabled = false;
    }
  });
  node.replaceChildren(body);
}

function done(app, node, answer) {
  node.replaceChildren(
    el('div', { class: 'sign good' }, icon('check')),
    el('h1', {}, say('bind_done_title')),
    el('p', { class: 'lead' }, say('bind_done_text', { subscriber: answer.subscriber })),
    el('div', { class: 'card' }, el('h2', {}, say('bind_undo_title')), el('p', {}, answer.notice)),
    el('div', { class: 'actions' }, button(say('bind_next'), () => app.enter(), { kind: 'strong' })),
  );
  focusHeading(node);
}
