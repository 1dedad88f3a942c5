// After a mistake, during a call, and the three rules.
import { button, el, icon } from './dom.js';
import { checklistView } from './report.js';
import { lines, say } from './words.js';

export function helpView(app) {
  const caller = el('div', { role: 'status' });
  const check = async () => {
    await app.loadCalls();
    const [first] = app.calls;
    if (first) app.openCall(first);
    else caller.replaceChildren(el('p', { class: 'warning' }, icon('warn'), el('span', {}, say('calls_none'))));
  };
  const steps = lines('help_steps').map((text) => ({ text, done: false }));
  return el(
    'div',
    { class: 'view' },
    el('h1', {}, say('help_title')),
    el(
      'section',
      { class: 'card' },
      el('h2', {}, icon('call'), say('help_calling_title')),
      el('p', {}, say('help_calling_text')),
      el('div', { class: 'actions' }, button(say('help_calling_check'), check)),
      caller,
    ),
    el('section', { class: 'card' }, el('h2', {}, icon('shield'), say('help_rules_title')), el('ol', { class: 'plain-list' }, lines('help_rules').map((rule) => el('li', {}, rule)))),
    checklistView(app, 'mistake', steps, [el('h2', {}, icon('warn'), say('help_mistake_title')), el('p', {}, say('help_mistake_text'))]),
  );
}
