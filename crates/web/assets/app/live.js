// Keeps one stream open. Every failure waits longer before the next try; a network that comes back
// or a page that is looked at again does not wait.

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

export class Live {
  #source = null;
  #timer = null;
  #failures = 0;
  #isStopped = false;
  #generation = 0;

  /**
   * `open` gives the address of a new stream, `events` maps names to listeners, `onState` is told
   * { isConnected, retryAt }, and the error if the server refused to open one.
   */
  constructor({ open, events, onState }) {
    this.open = open;
    this.events = events;
    this.onState = onState;
    this.wake = () => {
      if (document.visibilityState === 'visible' && !this.#source) this.connect();
    };
  }

  start() {
    this.#isStopped = false;
    document.addEventListener('visibilitychange', this.wake);
    window.addEventListener('online', this.wake);
    this.connect();
  }

  stop() {
    this.#isStopped = true;
    document.removeEventListener('visibilitychange', this.wake);
    window.removeEventListener('online', this.wake);
    this.#end();
  }

  #end() {
    this.#generation += 1;
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  async connect() {
    this.#end();
    const generation = this.#generation;
    const isStale = () => this.#isStopped || generation !== this.#generation;
    let address;
    try {
      address = await this.open();
    } catch (error) {
      if (!isStale()) this.#retry(error);
      return;
    }
    if (isStale()) return;
    const source = new EventSource(address);
    this.#source = source;
    source.addEventListener('open', () => {
      this.#failures = 0;
      this.onState({ isConnected: true, retryAt: null });
    });
    for (const [name, listener] of Object.entries(this.events)) {
      source.addEventListener(name, (event) => listener(event.data ? JSON.parse(event.data) : null));
    }
    // The browser's own retry would use a ticket that is spent.
    source.addEventListener('error', () => {
      if (!isStale()) this.#retry();
    });
  }

  #retry(error) {
    this.#end();
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    const waitMs = longest / 2 + (Math.random() * longest) / 2;
    this.#failures += 1;
    this.onState({ isConnected: false, retryAt: Date.now() + waitMs, error });
    this.#timer = setTimeout(() => this.connect(), waitMs);
  }
}
