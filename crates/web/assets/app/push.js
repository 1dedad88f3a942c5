// Wakes the phone. The message says nothing; everything is read over the signed channel.
import { fromBase64url } from './keys.js';
import { hasName } from './place.js';

export async function registerWorker() {
  // Browsers refuse a worker where nobody vouches for the certificate.
  if (!hasName()) return;
  // Without a worker the app works while it is open.
  await navigator.serviceWorker?.register('/app/worker.js', { scope: '/app', type: 'module' }).catch(() => null);
}

/** Whether asking makes sense: possible here, and not decided yet. */
export async function canAskForPush() {
  if (!('PushManager' in window) || !('Notification' in window) || Notification.permission === 'denied') return false;
  const worker = await navigator.serviceWorker?.getRegistration('/app');
  if (!worker) return false;
  return !(await worker.pushManager.getSubscription().catch(() => null));
}

/** Asks for permission and tells the server where to knock. */
export async function askForPush(api) {
  try {
    if ((await Notification.requestPermission()) !== 'granted') return false;
    const worker = await navigator.serviceWorker.ready;
    const { key } = await api.call('GET', '/v1/push-key');
    const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: fromBase64url(key) });
    const { endpoint, keys } = subscription.toJSON();
    await api.call('PUT', '/v1/push-subscription', { endpoint, keys });
    return true;
  } catch {
    return false;
  }
}
