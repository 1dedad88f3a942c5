// Who is calling? The caller proves it: their console and this page show the same code. It is made
// for the call alone and is worth nothing at a sign-in.
import { button, el, icon } from './dom.js';
import { say } from './words.js';

const spoken = (code) => code.split('').join(' ');

export function callCard(app, call) {
  return el(
    'section',
    { class: 'card call' },
    el('h2', {}, icon('call'), say('call_title')),
    el('p', {}, call.who),
    el('div', { class: 'actions' }, button(say('help_calling_check'), () => app.openCall(call), { kind: 'strong' })),
  );
}

export function callView(app, call) {
  const result = el('p', { class: 'error', role: 'alert' });
  const left = el('p', { class: 'meta', role: 'timer', 'aria-live': 'off' });
  const answer = async (isSame) => {
    result.textContent = '';
    try {
      await app.api.call('POST', '/v1/calls/answer', { id: call.id, outcome: isSame ? 'same' : 'different' });
    } catch (error) {
      result.textContent = app.reason(error);
      return;
    }
    app.calls = app.calls.filter(({ id }) => id !== call.id);
    over(isSame ? 'check' : 'cross', isSame ? 'good' : 'bad', say(isSame ? 'call_was_same' : 'call_was_different', { who: call.who }));
  };
  const over = (sign, mood, text) => {
    node.replaceChildren(
      el('div', { class: `sign ${mood}` }, icon(sign)),
      el('h1', { tabindex: '-1' }, text),
      el('div', { class: 'actions' }, button(say('done'), () => app.go('now'), { kind: 'strong' })),
    );
    node.querySelector('h1').focus();
  };
  const node = el(
    'div',
    { class: 'view' },
    el('h1', {}, say('call_title')),
    el('p', { class: 'hint' }, say('call_who')),
    el('p', { class: 'who' }, call.who),
    el('p', { class: 'hint' }, say('call_code')),
    el('p', { class: 'call-code' }, el('span', { 'aria-hidden': 'true' }, call.code), el('span', { class: 'unseen' }, spoken(call.code))),
    el('p', { class: 'warning' }, icon('warn'), el('span', {}, say('call_rule'))),
    el('p', { class: 'warning' }, icon('warn'), el('span', {}, say('call_began'))),
    result,
    el(
      'div',
      { class: 'actions' },
      button(say('call_same'), () => answer(true), { kind: 'strong large', sign: 'check' }),
      button(say('call_different'), () => answer(false), { kind: 'firm large', sign: 'cross' }),
    ),
    left,
  );
  app.tick(left, () => {
    const count = Math.ceil((Date.parse(call.expires_at) - app.api.now()) / 1000);
    left.textContent = say('call_left', { count: Math.max(0, count) });
    if (count <= 0) {
      app.calls = app.calls.filter(({ id }) => id !== call.id);
      over('clock', 'calm', say('call_over'));
    }
  });
  return node;
}
