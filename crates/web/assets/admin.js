// The administrators' sign-in: a passkey and nothing else.
import { hasPasskeys, usePasskey } from './app/passkey.js';
import { say } from './app/words.js';

const button = document.querySelector('[data-admin-passkey]');
const failure = document.querySelector('[data-failure]');

async function post(path, body) {
  const response = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

button.addEventListener('click', async () => {
  if (button.getAttribute('aria-busy') === 'true') return;
  button.setAttribute('aria-busy', 'true');
  failure.textContent = '';
  try {
    const { ceremony, options } = await post('/admin/sign-in/options', {});
    const credential = hasPasskeys() && (await usePasskey(options));
    if (!credential) throw new Error('no passkey');
    const { next } = await post('/admin/sign-in', { ceremony, credential });
    location.assign(next);
  } catch {
    failure.textContent = say('admin_passkey_failed');
  } finally {
    button.removeAttribute('aria-busy');
  }
});
