// Everything that asked for this person, newest first.
import { items } from './api.js';
import { button, el, pairs } from './dom.js';
import { say, sayOr, when } from './words.js';

export function historyView(app) {
  const list = el('ul', { class: 'rows history' });
  const result = el('p', { class: 'hint', role: 'status' }, say('loading'));
  const more = button(say('history_more'), () => load(), { kind: 'plain' });
  more.hidden = true;
  let cursor = null;
  const load = async () => {
    try {
      const path = cursor ? `/v1/history?cursor=${encodeURIComponent(cursor)}` : '/v1/history';
      const page = await app.api.call('GET', path);
      list.append(...items(page).map(row));
      cursor = page.next ?? null;
      more.hidden = cursor === null;
      result.textContent = list.children.length === 0 ? say('history_empty') : '';
    } catch (error) {
      result.textContent = app.reason(error);
      more.hidden = false;
    }
  };
  load();
  return el('div', { class: 'view' }, el('h1', {}, say('history_title')), el('p', { class: 'lead' }, say('history_lead')), list, result, more);
}

function row({ at, kind, outcome, authenticator, application, requester }) {
  const facts = requester
    ? [
        [say('context_where'), [requester.city, requester.country].filter(Boolean).join(', ')],
        [say('context_network'), requester.as_name],
        [say('context_address'), requester.ip],
        [say('context_browser'), [requester.browser, requester.system].filter(Boolean).join(', ')],
      ]
    : [];
  const what = application ? say('history_of', { what: sayOr(`history_${kind}`, kind), application }) : sayOr(`history_${kind}`, kind);
  return el(
    'li',
    {},
    el(
      'details',
      {},
      el(
        'summary',
        {},
        el('span', { class: 'row-main' }, el('strong', {}, what), el('small', {}, [when(at), authenticator && sayOr(`kind_${authenticator}`, authenticator)].filter(Boolean).join(' · '))),
        outcome && el('span', { class: `tag outcome-${outcome}` }, sayOr(`outcome_${outcome}`, outcome)),
      ),
      facts.length > 0 && pairs(facts, say('unknown')),
    ),
  );
}
