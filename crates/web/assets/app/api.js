// Requests to the service, signed with this device's key.
import { base64url, sha256, sign } from './keys.js';

const TIMEOUT_MS = 15_000;

/** The server could not be reached, or is not well: the question stands, nothing was decided. */
export class Offline extends Error {}

/** The server answered no (RFC 9457). `code` is stable, `detail` is for people. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? body?.title ?? '');
    this.status = status;
    this.code = body?.code ?? '';
    this.detail = body?.detail ?? body?.title ?? '';
  }
}

export class Api {
  #bound = null;
  #offsetMs = 0;

  /** Signs with this authenticator from now on: { id, privateKey }, or null for nobody. */
  use(bound) {
    this.#bound = bound;
  }

  /** Now by the server's clock, in milliseconds. */
  now() {
    return Date.now() + this.#offsetMs;
  }

  /** How far the server's clock is ahead of this device's, in milliseconds. */
  get offsetMs() {
    return this.#offsetMs;
  }

  async syncClock() {
    const before = Date.now();
    const { unix_ms: serverMs } = await this.#send('GET', '/v1/time', null, {});
    this.#offsetMs = Math.round(serverMs - (before + Date.now()) / 2);
  }

  /** An unsigned request. */
  open(method, path, body = null) {
    return this.#send(method, path, body, {});
  }

  /** A signed request. A refused time is measured anew and tried once more. */
  async call(method, path, body = null) {
    try {
      return await this.#signed(method, path, body);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'clock_wrong') throw error;
      await this.syncClock();
      return this.#signed(method, path, body);
    }
  }

  async #signed(method, path, body) {
    if (!this.#bound) throw new Problem(401, { code: 'not_bound' });
    const at = String(this.now());
    const nonce = base64url(crypto.getRandomValues(new Uint8Array(16)));
    const text = body === null ? '' : JSON.stringify(body);
    const covered = ['pushback-request-v1', method, path, at, nonce, await sha256(text)].join('\n');
    const sig = await sign(this.#bound.privateKey, covered);
    const authorization = `Pushback-Key id="${this.#bound.id}", at="${at}", nonce="${nonce}", sig="${sig}"`;
    return this.#send(method, path, body, { Authorization: authorization });
  }

  async #send(method, path, body, headers) {
    const request = { method, headers: { Accept: 'application/json', ...headers }, cache: 'no-store', credentials: 'omit' };
    if (body !== null) {
      request.body = JSON.stringify(body);
      request.headers['Content-Type'] = 'application/json';
    }
    request.signal = AbortSignal.timeout(TIMEOUT_MS);
    let response;
    let answer = null;
    try {
      response = await fetch(path, request);
      const text = await response.text();
      if (text) answer = JSON.parse(text);
    } catch (error) {
      throw new Offline(String(error));
    }
    // A gateway's error is no answer of the service.
    if (response.status >= 502 && response.status <= 504) throw new Offline(String(response.status));
    if (!response.ok) throw new Problem(response.status, answer);
    return answer;
  }
}

/** A list, whether the server pages it or not. */
export const items = (answer) => (Array.isArray(answer) ? answer : (answer?.items ?? []));
