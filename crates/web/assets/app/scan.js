// Reads a QR code where the browser can (BarcodeDetector); elsewhere the code is typed.
import { button, el } from './dom.js';
import { say } from './words.js';

const EVERY_MS = 250;

export async function canScan() {
  if (!('BarcodeDetector' in window) || !navigator.mediaDevices?.getUserMedia) return false;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  return formats.includes('qr_code');
}

/** The binding code in what was scanned: a link to this server, or the bare code. Else null. */
export function codeIn(text, origin = location.origin) {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) return text.trim();
  if (!URL.canParse(text)) return null;
  const link = new URL(text);
  // Another server's link would hand our page a code that was made to deceive.
  if (link.origin !== origin) return null;
  return new URLSearchParams(link.hash.slice(1)).get('bind');
}

/** Shows the camera inside `place` until a code is found or the person stops it. */
export async function scanner(place, found) {
  const say_ = (key) => place.replaceChildren(el('p', { class: 'hint', role: 'status' }, say(key)));
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch {
    return say_('scan_denied');
  }
  const video = el('video', { class: 'camera', playsinline: true, muted: true, 'aria-label': say('scan_title') });
  const stop = () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
    place.replaceChildren();
  };
  place.replaceChildren(el('p', { class: 'hint' }, say('scan_title')), video, button(say('scan_stop'), stop));
  video.srcObject = stream;
  const detector = new BarcodeDetector({ formats: ['qr_code'] });
  const timer = setInterval(async () => {
    if (!video.isConnected) return stop();
    const [first] = await detector.detect(video).catch(() => []);
    if (!first || !video.isConnected) return undefined;
    stop();
    const code = codeIn(first.rawValue);
    if (code) found(code);
    else say_('scan_foreign');
    return undefined;
  }, EVERY_MS);
  return video.play();
}
