// An administrator's first passkey, with the invitation that the link carries.
import { createPasskey, hasPasskeys } from './app/passkey.js';
import { say } from './app/words.js';

const button = document.querySelector('[data-admin-passkey]');
const failure = document.querySelector('[data-failure]');
// Not sent anywhere by opening the page: what stands after # stays in the browser.
const invitation = decodeURIComponent(location.hash.slice(1));
history.replaceState(null, '', location.pathname);

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
    const options = await post('/admin/enrol/options', { invitation });
    const credential = hasPasskeys() && (await createPasskey(options));
    if (!credential) throw new Error('no passkey');
    const { next } = await post('/admin/enrol', { invitation, credential });
    location.assign(next);
  } catch {
    failure.textContent = say('admin_enrol_failed');
  } finally {
    button.removeAttribute('aria-busy');
  }
});
