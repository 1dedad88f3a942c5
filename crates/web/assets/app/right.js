// The right to change what can answer for a person. It is proven like a sign-in: with a passkey here,
// or with the code of a page that another screen shows and this device asks for. What a passkey proves counts
// where it was used, so it is used here and not on that page.
import { el } from './dom.js';
import { hasPasskeys, usePasskey } from './passkey.js';
import { say } from './words.js';

const NOT_YET = new Set(['not_authorised', 'weak_authority']);

/**
 * Does `act` with the right to. Where it must be proven first, says so in `place` and gives null:
 * the person confirms and asks again.
 */
export async function withRight(app, place, act) {
  if (app.right) {
    try {
      return await act(app.right);
    } catch (error) {
      if (!NOT_YET.has(error.code)) throw error;
      app.right = null;
    }
  }
  const asked = await app.api.call('POST', '/v1/management', {});
  if (asked.can_use_passkey && hasPasskeys()) {
    const base = new URL(asked.page_url).pathname;
    const options = await app.api.open('POST', `${base}/passkey/options`, {});
    const credential = await usePasskey(options);
    if (!credential) {
      place.textContent = say('passkey_not_used');
      return null;
    }
    const { completion } = await app.api.open('POST', `${base}/passkey`, credential);
    app.right = completion;
    return act(completion);
  }
  app.right = asked.right;
  place.replaceChildren(
    say('right_text'),
    ' ',
    el('a', { href: asked.page_url, target: '_blank', rel: 'noopener' }, say('right_open')),
    ' ',
    say('right_then'),
  );
  return null;
}
