// The authenticator: one root element, one key, one page at a time. The demo mounts it beside a
// sign-in page; the installed app is the same code alone.
import { Api, Offline, Problem } from './api.js';
import { bindView } from './bind.js';
import { accountView } from './account.js';
import { callView } from './calls.js';
import { button, el, focusHeading, icon } from './dom.js';
import { helpView } from './help.js';
import { historyView } from './history.js';
import { Keyring } from './keys.js';
import { Live } from './live.js';
import { nowView, suspendedView, unboundView } from './now.js';
import { PromptFlow } from './prompt.js';
import { say } from './words.js';

const TABS = [
  ['now', 'bell'],
  ['history', 'list'],
  ['account', 'person'],
  ['help', 'help'],
];
const CLOCK_TOLERANCE_MS = 120_000;
const OVER_MAX = 50;

/** Starts the app inside `root`. `keys` names the key store; `binding` is a code that came along. */
export async function mount(root, { keys = 'pushback', binding = '', bindName = null, isWhole = false } = {}) {
  const app = new App(root, { keys, binding, bindName, isWhole });
  await app.start();
  return app;
}

class App {
  constructor(root, options) {
    this.root = root;
    this.options = options;
    this.api = new Api();
    this.me = null;
    this.prompts = { open: null, quiet: [] };
    this.calls = [];
    // The last prompts that are over for this device, whatever an older list still says.
    this.over = [];
    this.tab = 'now';
    this.flow = null;
    this.timers = new Set();
    this.#frame();
  }

  #frame() {
    this.banner = el('div', { class: 'banners', role: 'status' });
    this.live = el('p', { class: 'unseen', 'aria-live': 'polite' });
    this.alert = el('p', { class: 'unseen', 'aria-live': 'assertive' });
    this.knock = el('div', { class: 'knock', hidden: true });
    this.main = el(this.options.isWhole ? 'main' : 'div', { class: 'app-main' });
    this.nav = el('nav', { class: 'tabs', 'aria-label': say('nav_label'), hidden: true });
    this.root.classList.add('app');
    this.root.replaceChildren(this.live, this.alert, this.banner, this.knock, this.main, this.nav);
    this.main.append(el('p', { class: 'lead' }, say('loading')));
  }

  async start() {
    if (!window.isSecureContext || !window.crypto?.subtle || !window.indexedDB) return this.#unsupported();
    try {
      this.keyring = await Keyring.open(this.options.keys);
      this.bound = await this.keyring.load();
    } catch {
      return this.#unsupported();
    }
    if (!this.bound || this.options.binding) return this.#bind();
    return this.enter();
  }

  #unsupported() {
    this.main.replaceChildren(el('h1', {}, say('unsupported_title')), el('p', { class: 'lead' }, say('unsupported_text')));
  }

  #bind() {
    this.#nav(false);
    this.main.replaceChildren(bindView(this, this.options.binding, this.options.bindName));
  }

  /** After binding, and at every later start. */
  async enter() {
    this.options.binding = '';
    this.api.use(this.bound);
    this.#nav(true);
    this.show(this.tab);
    this.stream?.stop();
    this.stream = new Live({
      open: () => this.#connect(),
      events: {
        prompts: (prompts) => this.#prompts(prompts),
        account: () => this.refresh(),
      },
      onState: (state) => this.#connection(state),
    });
    this.stream.start();
  }

  async #connect() {
    try {
      await this.api.syncClock();
      this.#clock();
      await this.load();
      const { ticket } = await this.api.call('POST', '/v1/streams');
      return `/v1/streams/${encodeURIComponent(ticket)}`;
    } catch (error) {
      this.#refused(error);
      throw error;
    }
  }

  /** Reads who we are and what is open. */
  async load() {
    const [me, prompts] = await Promise.all([this.api.call('GET', '/v1/me'), this.api.call('GET', '/v1/prompts')]);
    this.me = me;
    this.#notice('disputed', '');
    this.#prompts(prompts);
    await this.loadCalls();
  }

  async loadCalls() {
    try {
      const { calls } = await this.api.call('GET', '/v1/calls');
      const known = new Set(this.calls.map(({ id }) => id));
      this.calls = calls;
      if (calls.some(({ id }) => !known.has(id))) this.announce(say('call_title'));
      if (this.tab === 'now' && !this.flow) this.render();
    } catch {
      // Without the list nobody is confirmed: the help page says what to do then.
    }
  }

  /** Reads again what may have changed; failures show as the connection's state. */
  async refresh() {
    try {
      await this.load();
    } catch (error) {
      this.#refused(error);
    }
    if (this.tab === 'now' && !this.flow) this.render();
  }

  #refused(error) {
    if (!(error instanceof Problem)) return;
    if (error.code === 'clock_wrong') this.#notice('clock', say('clock_refused'));
    if (error.code === 'authenticator_disputed') this.#notice('disputed', say('disputed_notice'));
    if (error.code === 'authenticator_unknown') this.#unbound();
  }

  #unbound() {
    this.stream?.stop();
    this.api.use(null);
    this.flow = null;
    this.#nav(false);
    this.banner.replaceChildren();
    this.knock.hidden = true;
    this.main.replaceChildren(
      unboundView(async () => {
        await this.keyring.forget();
        this.bound = null;
        this.#bind();
        this.#focus();
      }),
    );
    this.#focus();
  }

  // What is open

  #prompts(prompts) {
    const before = this.prompts.open?.id;
    this.prompts = prompts;
    if (this.flow) this.flow.update([prompts.open, ...prompts.quiet].filter(Boolean));
    const open = this.#ringing();
    const isNew = open && open.id !== before;
    if (isNew) this.announce(say('is_new'), true);
    // Never under a finger that is about to tap something else: other pages only get a bar.
    if (open && !this.flow && this.tab === 'now') this.openPrompt(open);
    else if (!this.flow && this.tab === 'now') this.render();
    this.#knock();
  }

  /** Whether this prompt can still be answered here. */
  isWaiting(prompt) {
    return !this.over.includes(prompt.id) && Date.parse(prompt.expires_at) > this.api.now();
  }

  isOver(id) {
    this.over = [id, ...this.over].slice(0, OVER_MAX);
  }

  #ringing() {
    const { open } = this.prompts;
    return open && this.isWaiting(open) ? open : null;
  }

  #knock() {
    const open = this.#ringing();
    const isShown = open && (this.tab !== 'now' || (this.flow && this.flow.prompt.id !== open.id));
    this.knock.hidden = !isShown;
    if (!isShown || this.knock.dataset.prompt === open.id) return;
    this.knock.dataset.prompt = open.id;
    const look = button(say('look'), () => this.openPrompt(this.#ringing()), { kind: 'small' });
    this.knock.replaceChildren(icon('bell'), el('strong', {}, say('is_new')), look);
  }

  openPrompt(prompt) {
    if (!prompt) return;
    this.flow?.end();
    this.flow = new PromptFlow(this, prompt);
    this.#select('now');
    this.#put(this.flow.node);
    this.#knock();
  }

  /** The heading of what is new, unless the person is busy beside the app, as in the demo. */
  #focus() {
    const at = document.activeElement;
    if (this.options.isWhole || !at || at === document.body || this.root.contains(at)) focusHeading(this.main);
  }

  /** A screen of its own on the Now page, until `closeFlow`. */
  step(node) {
    this.#put(node);
  }

  closeFlow() {
    this.flow?.end();
    this.flow = null;
    const open = this.#ringing();
    if (open) this.openPrompt(open);
    else this.show('now');
  }

  // Pages

  #nav(isShown) {
    this.nav.hidden = !isShown;
    if (!isShown) return;
    this.nav.replaceChildren(
      ...TABS.map(([name, sign]) => {
        const tab = el('button', { type: 'button', class: 'tab', 'data-tab': name }, icon(sign), el('span', {}, say(`nav_${name}`)));
        tab.addEventListener('click', () => this.go(name));
        return tab;
      }),
    );
  }

  #select(tab) {
    this.tab = tab;
    if (this.options.isWhole && location.hash !== `#${tab}`) history.replaceState(null, '', `#${tab}`);
    for (const node of this.nav.children) {
      if (node.dataset.tab === tab) node.setAttribute('aria-current', 'page');
      else node.removeAttribute('aria-current');
    }
  }

  go(tab) {
    if (tab === 'now' && this.flow) {
      this.#select('now');
      this.#put(this.flow.current);
    } else if (tab === 'now' && this.#ringing()) {
      this.openPrompt(this.#ringing());
    } else {
      this.show(tab);
    }
    this.#knock();
  }

  show(tab) {
    this.#select(tab);
    this.render();
    this.#focus();
  }

  render() {
    const views = {
      now: () => (this.me?.is_suspended ? suspendedView(this) : nowView(this)),
      history: () => historyView(this),
      account: () => accountView(this),
      help: () => helpView(this),
    };
    const had = this.main.contains(document.activeElement) && this.tab === this.drawn;
    this.drawn = this.tab;
    this.main.replaceChildren(views[this.tab]());
    if (had) this.#focus();
    this.#ended();
  }

  /** The check of a caller as a screen of its own. */
  openCall(call) {
    this.#select('help');
    this.drawn = 'call';
    this.#put(callView(this, call));
  }

  #put(node) {
    this.main.replaceChildren(node);
    this.main.scrollTop = 0;
    if (this.options.isWhole) window.scrollTo(0, 0);
    this.#focus();
    this.#ended();
  }

  // Timers live as long as their node is on the page.

  tick(node, act) {
    this.timers.add({ node, act });
    this.ticking ??= setInterval(() => {
      for (const timer of this.timers) if (timer.node.isConnected) timer.act();
    }, 500);
    act();
  }

  #ended() {
    for (const timer of this.timers) if (!timer.node.isConnected) this.timers.delete(timer);
  }

  // Words at the edge

  announce(text, isUrgent = false) {
    const node = isUrgent ? this.alert : this.live;
    node.textContent = '';
    // A change of nothing is not read out.
    requestAnimationFrame(() => {
      node.textContent = text;
    });
  }

  /** What went wrong, for people. */
  reason(error) {
    if (error instanceof Offline) return say('offline_action');
    if (error instanceof Problem && error.code === 'authenticator_unknown') this.#unbound();
    if (error instanceof Problem && error.code === 'clock_wrong') return say('clock_refused');
    if (error instanceof Problem && error.code === 'authenticator_disputed') return say('disputed_notice');
    return say('failed', { detail: (error instanceof Problem && error.detail) || say('failed_unknown') });
  }

  #notice(name, text, ...more) {
    let node = this.banner.querySelector(`[data-notice="${name}"]`);
    if (!text) return node?.remove();
    if (!node) {
      node = el('div', { class: 'banner', 'data-notice': name });
      this.banner.append(node);
    }
    node.replaceChildren(icon('warn'), el('p', {}, text, ...more));
    return node;
  }

  #clock() {
    const offsetMs = this.api.offsetMs;
    if (Math.abs(offsetMs) < CLOCK_TOLERANCE_MS) return this.#notice('clock', '');
    const span = say('minutes', { count: Math.round(Math.abs(offsetMs) / 60_000) });
    return this.#notice('clock', say('clock_wrong', { span, direction: say(offsetMs > 0 ? 'clock_behind' : 'clock_ahead') }));
  }

  #connection({ isConnected, retryAt, error }) {
    this.root.dataset.connected = String(isConnected);
    if (error instanceof Problem && error.code === 'authenticator_disputed') {
      // The line is there: it is this device that is not listened to.
      this.#notice('connection', '');
      return this.#refused(error);
    }
    if (isConnected) {
      if (this.wasLost) this.announce(say('connection_back'));
      this.wasLost = false;
      this.#notice('connection', '');
      return;
    }
    this.wasLost = true;
    const left = el('span', { 'aria-hidden': 'true' });
    const server = this.me?.server_name ?? location.host;
    const again = button(say('connection_now'), () => this.stream.connect(), { kind: 'link' });
    const node = this.#notice('connection', say('connection_lost', { server }), ' ', left, ' ', again);
    if (node) this.tick(left, () => (left.textContent = say('connection_retry', { count: Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)) })));
  }
}
