// What can answer besides this device and passkeys: another app's codes, a computer's certificate.
import { Problem } from './api.js';
import { button, el, field, focusHeading, icon } from './dom.js';
import { withRight } from './right.js';
import { say, when } from './words.js';

/** A picture that the server drew. It comes as SVG, and as an image nothing in it can run. */
export const picture = (svg, words) => svg && el('img', { class: 'qr', alt: words, src: `data:image/svg+xml,${encodeURIComponent(svg)}` });

/** Shows a secret once, and binds the app that has it when it is right. */
export function otherApp(app, { node, body, result }) {
  const offer = () => body.replaceChildren(el('div', { class: 'actions' }, button(say('totp_make'), make)));
  const make = async () => {
    result.textContent = '';
    try {
      const made = await withRight(app, result, (right) => app.api.call('POST', '/v1/totps/options', { right }));
      if (made) shown(made);
    } catch (error) {
      result.textContent = app.reason(error);
    }
  };
  const shown = ({ ceremony, secret, uri, qr, expires_at: until }) => {
    const code = el('input', { id: 'totp-code', type: 'text', inputmode: 'numeric', autocomplete: 'off', maxlength: 9 });
    const name = el('input', { id: 'totp-name', type: 'text', value: say('totp_name_default'), autocomplete: 'off', maxlength: 60 });
    const codeField = field(say('totp_code'), code, say('totp_code_hint'));
    const nameField = field(say('totp_name'), name);
    const submit = el('button', { type: 'submit', class: 'button strong' }, el('span', {}, say('totp_bind')));
    const form = el(
      'form',
      { class: 'stack', novalidate: true },
      el('p', { class: 'warning', role: 'status' }, icon('warn'), el('span', {}, say('totp_shown', { at: when(until) }))),
      picture(qr, say('totp_picture')),
      el('p', {}, el('a', { class: 'button', href: uri }, say('totp_here'))),
      el('p', {}, say('totp_typed')),
      el('p', { class: 'secret' }, secret.match(/.{1,4}/g).join(' ')),
      codeField.node,
      nameField.node,
      el('div', { class: 'actions row' }, submit, button(say('totp_stop'), offer)),
    );
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      codeField.clear();
      submit.disabled = true;
      try {
        await app.api.call('POST', '/v1/totps', { ceremony, code: code.value, name: name.value.trim() || say('totp_name_default') });
        app.announce(say('totp_added'));
        app.render();
      } catch (error) {
        if (error instanceof Problem && error.code === 'wrong_proof') {
          codeField.fail(say('totp_wrong'));
        } else if (error instanceof Problem) {
          offer();
          result.textContent = error.code === 'code_expired' ? say('totp_over') : app.reason(error);
        } else {
          codeField.fail(app.reason(error));
        }
      } finally {
        submit.disabled = false;
      }
    });
    body.replaceChildren(form);
    focusHeading(node);
  };
  offer();
  return node;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/;
const FILE_BYTES = 65_536;

/** The public part of a file: a private key that stands beside it never leaves this device. */
async function certificateIn(file) {
  if (file.size > FILE_BYTES) return null;
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = new TextDecoder('latin1').decode(bytes);
  const block = text.match(BLOCK);
  if (block) return block[0];
  // Other PEM texts are keys; what is no text is the certificate itself.
  return text.includes('-----BEGIN') ? null : btoa(text);
}

/** Binds the certificate of a computer by its file. */
export function certificate(app, { node, body, result }) {
  const file = el('input', { id: 'certificate-file', type: 'file', accept: '.pem,.crt,.cer' });
  const place = field(say('certificate_file'), file, say('certificate_hint'));
  const add = async () => {
    result.textContent = '';
    place.clear();
    const [chosen] = file.files;
    if (!chosen) return place.fail(say('certificate_missing'));
    const text = await certificateIn(chosen);
    if (!text) return place.fail(say('certificate_none'));
    const name = chosen.name.replace(/\.[^.]*$/, '') || say('kind_certificate');
    try {
      const done = await withRight(app, result, (right) => app.api.call('POST', '/v1/certificates', { right, name, certificate: text }));
      if (!done) return undefined;
      app.announce(say('certificate_added'));
      app.render();
    } catch (error) {
      result.textContent = error instanceof Problem && error.code === 'invalid_request' ? say('certificate_none') : app.reason(error);
    }
    return undefined;
  };
  body.append(place.node, el('div', { class: 'actions' }, button(say('certificate_add'), add)));
  return node;
}
