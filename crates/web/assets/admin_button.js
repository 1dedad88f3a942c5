// The one button of the administrators' entrance, and how its requests are sent.

/** Sends JSON and reads JSON. */
export async function post(path, body) {
  const response = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

/** Does `act` when the button is pressed and goes where it says; shows `text` when that fails. */
export function onPress(act, text) {
  const button = document.querySelector('[data-admin-passkey]');
  const failure = document.querySelector('[data-failure]');
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-busy') === 'true') return;
    button.setAttribute('aria-busy', 'true');
    failure.textContent = '';
    try {
      location.assign(await act());
    } catch {
      failure.textContent = text;
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
}
