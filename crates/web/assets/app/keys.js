// The key of this device: made here, kept by the browser, never readable, not even by this script.

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };
const encoder = new TextEncoder();

/** Base64url without padding. */
export function base64url(bytes) {
  let text = '';
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The bytes behind base64url. */
export function fromBase64url(text) {
  const raw = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
}

/** Base64url of the SHA-256 of a text or of bytes. */
export async function sha256(data) {
  const bytes = typeof data === 'string' ? encoder.encode(data) : data;
  return base64url(await crypto.subtle.digest('SHA-256', bytes));
}

/** Signs a text: 64 bytes, r and s (IEEE P1363), as base64url. */
export async function sign(privateKey, text) {
  return base64url(await crypto.subtle.sign(SIGNATURE, privateKey, encoder.encode(text)));
}

/** A new pair whose private half cannot be exported, and the public half as a JWK. */
export async function makePair() {
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  return { privateKey: pair.privateKey, jwk: { kty, crv, x, y } };
}

/** The thumbprint of an EC key (RFC 7638: required members, in the order of their names). */
export const thumbprint = ({ crv, kty, x, y }) => sha256(JSON.stringify({ crv, kty, x, y }));

/** What this browser keeps: the bound key, and small notes such as ticks in a checklist. */
export class Keyring {
  #base;

  static async open(name) {
    const keyring = new Keyring();
    keyring.#base = await new Promise((resolve, reject) => {
      const opening = indexedDB.open(name, 1);
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore('keys');
        opening.result.createObjectStore('notes');
      };
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
      opening.onblocked = () => reject(new Error('another window holds an older version'));
    });
    return keyring;
  }

  #ask(store, mode, act) {
    return new Promise((resolve, reject) => {
      const transaction = this.#base.transaction(store, mode);
      const request = act(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request.result ?? null);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  /** The bound authenticator: { id, subscriber, name, privateKey }, or null. */
  load() {
    return this.#ask('keys', 'readonly', (keys) => keys.get('this'));
  }

  save(bound) {
    return this.#ask('keys', 'readwrite', (keys) => keys.put(bound, 'this'));
  }

  forget() {
    return this.#ask('keys', 'readwrite', (keys) => keys.delete('this'));
  }

  note(name) {
    return this.#ask('notes', 'readonly', (notes) => notes.get(name));
  }

  keepNote(name, value) {
    return this.#ask('notes', 'readwrite', (notes) => notes.put(value, name));
  }
}
