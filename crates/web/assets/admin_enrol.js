// An administrator's first passkey, with the invitation that the link carries.
import { onPress, post } from './admin_button.js';
import { createPasskey, hasPasskeys } from './app/passkey.js';
import { say } from './app/words.js';

// Not sent anywhere by opening the page: what stands after # stays in the browser.
const invitation = decodeURIComponent(location.hash.slice(1));
history.replaceState(null, '', location.pathname);

onPress(async () => {
  const options = await post('/admin/enrol/options', { invitation });
  const credential = hasPasskeys() && (await createPasskey(options));
  if (!credential) throw new Error('no passkey');
  return (await post('/admin/enrol', { invitation, credential })).next;
}, say('admin_enrol_failed'));
