// What can answer for this person, and where they are signed in.
import { items } from './api.js';
import { platform } from './bind.js';
import { button, el, focusHeading, icon } from './dom.js';
import { certificate, otherApp, picture } from './more.js';
import { createPasskey, hasPasskeys, signalAccepted } from './passkey.js';
import { withRight } from './right.js';
import { say, sayOr, when } from './words.js';

export function accountView(app) {
  tellBrowser(app);
  const { subscriber = app.bound.subscriber, server_name: server = location.host } = app.me ?? {};
  return el(
    'div',
    { class: 'view' },
    el('h1', {}, say('account_title')),
    el('p', { class: 'lead' }, el('strong', {}, say('account_of', { subscriber })), ' ', say('account_server', { server })),
    devices(app),
    anotherDevice(app),
    passkeys(app),
    app.me?.takes_totp && otherApp(app, section(say('totp_title'), say('totp_text'))),
    app.me?.takes_certificates && certificate(app, section(say('certificate_title'), say('certificate_text'))),
    recoveryCodes(app),
    sessions(app),
  );
}

/** Lets the browser forget passkeys that were removed. Nothing depends on it, so nothing is said of it. */
const tellBrowser = (app) => app.api.call('GET', '/v1/passkeys').then(signalAccepted, () => {});

function section(title, lead) {
  const result = el('p', { class: 'hint', role: 'status' });
  const body = el('div', {});
  const node = el('section', { class: 'card' }, el('h2', { tabindex: '-1' }, title), lead && el('p', { class: 'hint' }, lead), body, result);
  return { node, body, result };
}

/** Rows that load themselves. */
function rows(app, { node, body, result }, path, row, empty, seen = () => {}) {
  const load = async (said = '') => {
    try {
      const all = items(await app.api.call('GET', path));
      seen(all);
      const list = all.map((item) => row(item, load));
      body.replaceChildren(list.length > 0 ? el('ul', { class: 'rows' }, list) : el('p', {}, empty));
      result.textContent = said;
    } catch (error) {
      result.textContent = app.reason(error);
    }
  };
  load();
  return node;
}

function devices(app) {
  const place = section(say('devices_title'), say('devices_lead'));
  let bound = [];
  /** From when on one of the others can stand alone. */
  const aloneFrom = (id) => bound.filter((other) => other.id !== id && other.new_until && !other.is_disabled && !other.is_disputed).map((other) => other.new_until).sort()[0];
  const row = (item, load) => {
    const { id, name, kind, bound_at: boundAt, new_until: newUntil, last_used_at: used, is_this: isThis, is_disputed: isDisputed } = item;
    const settle = async () => {
      const done = await withRight(app, place.result, async (right) => {
        await app.api.call('POST', `/v1/authenticators/${encodeURIComponent(id)}/settle`, { right });
        return true;
      }).catch((error) => {
        place.result.textContent = app.reason(error);
      });
      if (done) await load(say('settled', { name }));
    };
    const facts = [sayOr(`kind_${kind}`, kind), say('bound_at', { at: when(boundAt) }), used ? say('last_used', { at: when(used) }) : say('never_used'), newUntil && say('new_until', { at: when(newUntil) })].filter(Boolean);
    const remove = async () => {
      const done = await withRight(app, place.result, async (right) => {
        await app.api.call('DELETE', `/v1/authenticators/${encodeURIComponent(id)}?right=${encodeURIComponent(right)}`);
        return true;
      }).catch((error) => {
        const from = error.code === 'others_too_new' && aloneFrom(id);
        if (!from) throw error;
        place.result.textContent = say('others_too_new', { name, at: when(from) });
      });
      if (!done) return;
      if (kind === 'passkey') await tellBrowser(app);
      await load(say('removed', { name }));
      if (isThis) await app.refresh();
    };
    return confirmed(app, place, {
      main: el('div', {}, el('strong', {}, name), ' ', isThis && el('span', { class: 'tag' }, say('this_device')), isDisputed && el('span', { class: 'tag' }, say('disputed')), el('small', {}, facts.join(' · ')), isDisputed && button(say('settle'), settle, { kind: 'small', label: say('settle_name', { name }) })),
      act: say('remove'),
      label: say('remove_name', { name }),
      question: say(isThis ? 'remove_sure_this' : 'remove_sure', { name }),
      sure: say('remove_yes'),
      remove,
    });
  };
  return rows(app, place, '/v1/authenticators', row, '', (all) => (bound = all));
}

function anotherDevice(app) {
  const place = section(say('invite_title'), say('invite_text', { address: `${location.host}/app` }));
  const make = async () => {
    place.result.textContent = '';
    try {
      const made = await withRight(app, place.result, (right) => app.api.call('POST', '/v1/invitations', { right }));
      if (made) shown(made);
    } catch (error) {
      place.result.textContent = app.reason(error);
    }
  };
  const shown = ({ code, qr, expires_at: until }) => {
    place.body.replaceChildren(picture(qr, say('invite_picture')) ?? '', el('p', { class: 'call-code invite-code' }, code), el('p', { class: 'warning', role: 'status' }, icon('warn'), el('span', {}, say('invite_until', { at: when(until) }))));
  };
  place.body.append(el('div', { class: 'actions' }, button(say('invite_make'), make, { sign: 'phone' })));
  return place.node;
}

/** A row whose button asks once more, in place. */
function confirmed(app, { node, result }, { main, act, label, question, sure: words, remove }) {
  const ask = button(
    act,
    () => {
      const keep = button(say('remove_no'), () => {
        row.replaceChildren(main, ask);
        ask.focus();
      });
      const sure = button(words, async () => {
        try {
          await remove();
          focusHeading(node);
        } catch (error) {
          result.textContent = app.reason(error);
        }
      }, { kind: 'firm' });
      row.replaceChildren(el('div', { class: 'sure', role: 'group', 'aria-label': question }, el('p', {}, question), el('div', { class: 'actions row' }, keep, sure)));
      keep.focus();
    },
    { kind: 'small', label },
  );
  const row = el('li', {}, main, ask);
  return row;
}

const PASSKEYS = 'app-passkeys';

/** Leads to where a passkey is added. */
export function openPasskeys(app) {
  app.go('account');
  const place = document.getElementById(PASSKEYS);
  place.scrollIntoView();
  focusHeading(place);
}

function passkeys(app) {
  const place = section(say('passkey_title'), say('passkey_text'));
  place.node.id = PASSKEYS;
  if (!hasPasskeys()) {
    place.body.append(el('p', {}, say('passkey_unsupported')));
    return place.node;
  }
  const add = async () => {
    place.result.textContent = '';
    try {
      const begun = await withRight(app, place.result, (right) => app.api.call('POST', '/v1/passkeys/options', { right }));
      if (!begun) return;
      const credential = await createPasskey(begun.options);
      if (!credential) {
        place.result.textContent = say('passkey_cancelled');
        return;
      }
      const name = say('passkey_name', { device: say(`device_${platform()}`) });
      await app.api.call('POST', '/v1/passkeys', { ceremony: begun.ceremony, name, credential });
      app.announce(say('passkey_added'));
      await app.refresh();
      app.render();
    } catch (error) {
      place.result.textContent = app.reason(error);
    }
  };
  place.body.append(el('div', { class: 'actions' }, button(say('passkey_add'), add, { sign: 'key' })));
  return place.node;
}

function recoveryCodes(app) {
  const place = section(say('recovery_title'), say('recovery_text'));
  const { body, result } = place;
  const offer = () => {
    result.textContent = '';
    body.replaceChildren(el('div', { class: 'actions' }, button(say('recovery_make'), make)));
  };
  const make = async () => {
    try {
      const made = await withRight(app, result, (right) => app.api.call('POST', '/v1/recovery-codes', { right }));
      if (made) shown(made.codes);
    } catch (error) {
      result.textContent = app.reason(error);
    }
  };
  const shown = (codes) => {
    const copy = button(say('recovery_copy'), async () => {
      const isCopied = await navigator.clipboard?.writeText(codes.join('\n')).then(() => true, () => false);
      result.textContent = say(isCopied ? 'recovery_copied' : 'recovery_copy_failed');
    });
    const print = button(say('recovery_print'), () => window.print());
    body.replaceChildren(
      el('p', { class: 'warning', role: 'status' }, icon('warn'), el('span', {}, say('recovery_shown'))),
      el('ul', { class: 'codes', 'aria-label': say('recovery_list') }, codes.map((code) => el('li', {}, code))),
      el('div', { class: 'actions row' }, copy, print, button(say('recovery_kept'), offer, { kind: 'strong' })),
    );
  };
  offer();
  return place.node;
}

function sessions(app) {
  const place = section(say('sessions_title'), say('sessions_lead'));
  const row = (item, load) => {
    const { id, browser, first_at: first, last_at: last } = item;
    const name = browser || say('unknown');
    const facts = [say('session_since', { at: when(first) }), say('last_used', { at: when(last) })];
    return confirmed(app, place, {
      main: el('div', {}, el('strong', {}, name), el('small', {}, facts.join(' · '))),
      act: say('session_end'),
      label: say('session_end_name', { name }),
      question: say('session_sure', { name }),
      sure: say('session_yes'),
      remove: async () => {
        const done = await withRight(app, place.result, async (right) => {
          await app.api.call('DELETE', `/v1/sessions/${encodeURIComponent(id)}?right=${encodeURIComponent(right)}`);
          return true;
        });
        if (done) await load(say('session_ended'));
      },
    });
  };
  return rows(app, place, '/v1/sessions', row, say('sessions_empty'));
}
