// "Report it": one tap, a note if the person likes, and what to do now.
import { Problem } from './api.js';
import { button, el, icon } from './dom.js';
import { lines, say } from './words.js';

// In the order in which they are signed.
const NOTES = ['someone_called', 'typed_password', 'gave_a_code'];

/** The report, below what has just happened if that is given. */
export function reportView(flow, above = null) {
  const choices = NOTES.map((note) => {
    const input = el('input', { type: 'checkbox', value: note, id: `app-note-${note}` });
    return el('label', { class: 'choice', for: input.id }, input, el('span', {}, say(`note_${note}`)));
  });
  const notes = el('fieldset', { class: 'choices' }, el('legend', {}, say('report_note')), choices);
  const chosen = () => [...notes.querySelectorAll('input:checked')].map((input) => input.value);
  const failure = el('p', { class: 'error', role: 'alert' });
  const submit = button(
    say('report_submit'),
    async () => {
      failure.textContent = '';
      try {
        const answer = await flow.report(chosen());
        flow.next(reportedView(flow, answer.checklist));
        flow.app.refresh();
      } catch (error) {
        const detail = error instanceof Problem && error.detail ? error.detail : flow.app.reason(error);
        failure.textContent = say('report_failed', { detail });
        checklist.hidden = false;
      }
    },
    { kind: 'strong large', sign: 'flag' },
  );
  const checklist = el('div', { hidden: true }, checklistView(flow.app, flow.prompt.id, lines('help_steps').map((step) => ({ text: step, done: false }))));
  const skip = button(say('report_skip'), () => flow.close(), { kind: 'plain large' });
  return el(
    'div',
    { class: 'view' },
    above ?? el('h1', {}, say('report_title')),
    el('p', { class: above ? 'hint' : 'lead' }, say('report_lead')),
    notes,
    el('p', { class: 'hint' }, say('report_effect')),
    failure,
    el('div', { class: 'actions' }, submit, skip),
    checklist,
  );
}

function reportedView(flow, steps) {
  return el(
    'div',
    { class: 'view', 'data-outcome': 'reported' },
    el('div', { class: 'sign good' }, icon('flag')),
    el('h1', {}, say('reported_title')),
    el('p', { class: 'lead' }, say('reported_text')),
    checklistView(flow.app, flow.prompt.id, steps),
    el('div', { class: 'actions' }, button(say('done'), () => flow.close(), { kind: 'strong' })),
  );
}

/** Steps to tick off; the ticks stay on this device. `above` comes before them. */
export function checklistView(app, name, steps, above = [el('h2', {}, say('checklist_title'))]) {
  const note = `checklist ${name}`;
  const progress = el('p', { class: 'hint', role: 'status' });
  const boxes = steps.map(({ text, done }, at) => {
    const input = el('input', { type: 'checkbox', id: `app-step-${at}` });
    input.checked = done;
    return { input, node: el('li', {}, el('label', { class: 'choice', for: input.id }, input, el('span', {}, text))) };
  });
  const count = () => {
    const done = boxes.filter(({ input }) => input.checked).length;
    progress.textContent = say('checklist_progress', { done, count: boxes.length });
  };
  app.keyring.note(note).then((ticks) => {
    for (const [at, { input }] of boxes.entries()) input.checked ||= Boolean(ticks?.[at]);
    count();
  });
  const list = el('ol', { class: 'checklist' }, boxes.map(({ node }) => node));
  list.addEventListener('change', () => {
    count();
    app.keyring.keepNote(note, boxes.map(({ input }) => input.checked));
  });
  return el('section', { class: 'card' }, above, list, progress);
}
