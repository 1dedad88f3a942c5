// What a prompt is about: the lines as the person reads them, and the digest that the answer signs.
import { base64url } from './keys.js';
import { say, sayOr, when } from './words.js';

const encoder = new TextEncoder();
const LAYOUT = encoder.encode('pushback prompt context 1');

/** The lines for people, as pairs of a name and a value; an absent value is shown as unknown. */
export function shown(prompt) {
  const value = (name) => prompt.lines.find((line) => line.name === name)?.value ?? null;
  const word = (name) => value(name) && sayOr(`context_${name}_${value(name)}`, value(name));
  const joined = (...names) => names.map(value).filter(Boolean).join(', ') || null;
  return [
    [say('context_application'), value('relying_party')],
    [say('context_purpose'), word('purpose')],
    [say('context_where'), joined('city', 'country')],
    [say('context_network'), value('network')],
    [say('context_address'), value('address')],
    [say('context_browser'), joined('browser', 'system')],
    [say('context_time'), value('time') && when(value('time'))],
    [say('context_first_time'), word('first_time')],
    [say('context_distance'), word('distance')],
  ];
}

/** The line that no prompt is without. It is signed like the others. */
export const warning = (prompt) => prompt.lines.find((line) => line.name === 'warning')?.value ?? '';

function number(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/**
 * The digest of everything that was shown, base64url. Every part carries its length before it, and a
 * value that is not known differs from any text, so that no two prompts give the same bytes.
 */
export async function contextDigest(prompt) {
  const parts = [LAYOUT];
  const put = (bytes) => parts.push(number(bytes.length), bytes);
  const text = (words) => put(encoder.encode(words));
  text(prompt.subscriber);
  put(number(prompt.id));
  text(prompt.attempt);
  text(prompt.relying_party);
  for (const { name, value } of prompt.lines) {
    text(name);
    if (value === null) {
      parts.push(Uint8Array.of(0));
    } else {
      parts.push(Uint8Array.of(1));
      text(value);
    }
  }
  return base64url(await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer()));
}
