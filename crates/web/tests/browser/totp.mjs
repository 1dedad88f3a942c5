// Another app with codes by time (RFC 6238: SHA-1, six digits, 30 seconds).
import { createHmac } from 'node:crypto';

const STEP_MS = 30_000;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** What an app with this secret shows, so many steps from now. */
export function shows(secret, steps = 0) {
  const bits = [...secret].map((letter) => LETTERS.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / STEP_MS) + steps));
  const tag = createHmac('sha1', key).update(counter).digest();
  const word = tag.readUInt32BE(tag[19] & 0xf) & 0x7fff_ffff;
  return String(word % 1_000_000).padStart(6, '0');
}

/** Six digits that it does not show around now. */
export function never(secret) {
  const near = new Set([-3, -2, -1, 0, 1, 2, 3].map((steps) => shows(secret, steps)));
  return ['123456', '234567', '345678', '456789', '567890', '678901', '789012', '890123'].find((code) => !near.has(code));
}
