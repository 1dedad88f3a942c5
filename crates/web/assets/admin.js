// The administrators' sign-in: a passkey and nothing else.
import { onPress, post } from './admin_button.js';
import { hasPasskeys, signalAccepted, usePasskey } from './app/passkey.js';
import { say } from './app/words.js';

onPress(async () => {
  const { ceremony, options } = await post('/admin/sign-in/options', {});
  const credential = hasPasskeys() && (await usePasskey(options));
  if (!credential) throw new Error('no passkey');
  const { next, passkeys } = await post('/admin/sign-in', { ceremony, credential });
  await signalAccepted(passkeys);
  return next;
}, say('admin_passkey_failed'));
