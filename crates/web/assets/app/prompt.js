// One prompt, from the question to what comes after the answer.
import { button, el, field, focusHeading, icon, pairs } from './dom.js';
import { contextDigest, shown, warning } from './context.js';
import { sign } from './keys.js';
import { offer } from './now.js';
import { reportView } from './report.js';
import { say } from './words.js';

const SOON_S = 20;

export class PromptFlow {
  #isOver = false;
  #isSending = false;

  constructor(app, prompt) {
    this.app = app;
    this.prompt = prompt;
    this.node = this.#question();
    this.current = this.node;
  }

  end() {
    this.#isOver = true;
  }

  /** What is open by now. A prompt that is gone cannot be answered, so it is not shown any longer. */
  update(open) {
    if (this.#isOver || this.#isSending) return;
    const mine = open.find(({ id }) => id === this.prompt.id);
    if (mine) this.#tries(mine.entries_left);
    else if (this.#left() <= 0) this.#outcome('expired');
    else this.#outcome('gone');
  }

  #left() {
    return Math.ceil((Date.parse(this.prompt.expires_at) - this.app.api.now()) / 1000);
  }

  #question() {
    const { prompt } = this;
    this.code = el('input', {
      id: 'app-code',
      type: 'text',
      inputmode: 'numeric',
      autocomplete: 'off',
      spellcheck: 'false',
      enterkeyhint: 'done',
      maxlength: 9,
      class: 'code-input',
    });
    this.field = field(say('prompt_code'), this.code, say('prompt_code_hint'));
    this.code.addEventListener('input', () => this.field.clear());
    this.failure = el('p', { class: 'error', role: 'alert' });
    this.tries = el('span', {});
    this.left = el('span', { role: 'timer', 'aria-live': 'off' });
    const confirm = el('button', { type: 'submit', class: 'button strong large' }, icon('check'), el('span', {}, say('prompt_confirm')));
    const deny = button(say('prompt_deny'), () => this.#deny(), { kind: 'firm large', sign: 'cross' });
    // The form is the whole view, so that both answers stay in sight however long the context is.
    const node = el(
      'form',
      { class: 'view prompt', novalidate: true, 'data-prompt': prompt.id },
      prompt.is_quiet && el('p', { class: 'tag' }, icon('quiet'), say('prompt_quiet_tag')),
      el('h1', {}, say('prompt_title')),
      el('p', { class: 'meta' }, this.left, this.tries),
      prompt.is_quiet && el('p', { class: 'lead' }, say('prompt_quiet_text')),
      el('section', { 'aria-label': say('prompt_context') }, pairs(shown(prompt), say('unknown'))),
      el('p', { class: 'warning' }, icon('warn'), el('strong', {}, warning(prompt))),
      this.field.node,
      el('div', { class: 'answers' }, this.failure, confirm, deny),
    );
    node.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#confirm(confirm);
    });
    this.#tries(prompt.entries_left);
    let hasWarned = false;
    this.app.tick(this.left, () => {
      const count = this.#left();
      if (count <= 0 && !this.#isOver && !this.#isSending) this.#outcome('expired');
      this.left.textContent = say('prompt_left', { count: Math.max(0, count) });
      if (count <= SOON_S && count > 0 && !hasWarned) {
        hasWarned = true;
        this.app.announce(say('prompt_left_soon', { count }));
      }
    });
    return node;
  }

  #tries(count) {
    this.tries.textContent = say('prompt_tries', { count });
  }

  async #signed(kind, last) {
    const digest = await contextDigest(this.prompt);
    const covered = ['pushback-answer-v1', kind, this.prompt.id, digest, last].join('\n');
    return { context_digest: digest, signature: await sign(this.app.bound.privateKey, covered) };
  }

  async #send(what, body) {
    this.#isSending = true;
    this.failure.textContent = '';
    try {
      return await this.app.api.call('POST', `/v1/prompts/${encodeURIComponent(this.prompt.id)}/${what}`, body);
    } catch (error) {
      this.failure.textContent = this.app.reason(error);
      return null;
    } finally {
      this.#isSending = false;
    }
  }

  async #confirm(confirm) {
    if (this.#isSending) return;
    const code = this.code.value.replaceAll(/[\s-]/g, '');
    if (!/^\d{6}$/.test(code)) {
      this.field.fail(say('prompt_code_missing'));
      return;
    }
    confirm.setAttribute('aria-busy', 'true');
    const answer = await this.#send('answer', { code, ...(await this.#signed('confirm', code)) });
    confirm.removeAttribute('aria-busy');
    if (!answer) return;
    if (answer.outcome === 'wrong_code' && answer.entries_left > 0) {
      this.#tries(answer.entries_left);
      this.code.value = '';
      this.field.fail(say('prompt_wrong', { count: answer.entries_left }));
      return;
    }
    this.#outcome(answer.outcome === 'wrong_code' ? 'ended' : answer.outcome, answer.text);
  }

  async #deny() {
    if (this.#isSending) return;
    const answer = await this.#send('deny', await this.#signed('deny', ''));
    if (answer) this.#outcome(answer.outcome);
  }

  /** Sends the report. Also used after the fact, when a confirmation was a mistake. */
  async report(notes) {
    const body = { notes, ...(await this.#signed('report', notes.join(','))) };
    return this.app.api.call('POST', `/v1/prompts/${encodeURIComponent(this.prompt.id)}/report`, body);
  }

  #outcome(outcome, text = null) {
    this.#isOver = true;
    this.app.isOver(this.prompt.id);
    this.#step(this.#after(outcome, text));
  }

  #step(node) {
    this.current = node;
    if (this.app.tab === 'now') this.app.step(node);
  }

  #after(outcome, text) {
    const { app, prompt } = this;
    const done = (kind = 'strong') => button(say('done'), () => app.closeFlow(), { kind });
    const report = (words, kind = 'plain') => button(words, () => this.#step(reportView(this)), { kind });
    const screen = (sign, mood, title, lead, ...rest) =>
      el('div', { class: 'view outcome', 'data-outcome': outcome }, el('div', { class: `sign ${mood}` }, icon(sign)), el('h1', {}, say(title)), el('p', { class: 'lead' }, lead), ...rest);
    const application = shown(prompt)[0][1] || say('unknown');
    switch (outcome) {
      case 'verified':
        return screen('check', 'good', 'verified_title', say('verified_text', { application }), el('div', { class: 'actions' }, done(), report(say('verified_mistake'))), offer(app));
      case 'denied':
        return reportView(this, screen('shield', 'good', 'denied_title', say('denied_text')));
      case 'ended':
        return screen('cross', 'bad', 'ended_title', say('ended_text'), el('div', { class: 'actions' }, report(say('prompt_deny'), 'firm'), done('plain')));
      case 'expired':
        return screen('clock', 'calm', 'expired_title', say('expired_text'), el('div', { class: 'actions' }, done(), report(say('prompt_deny'))));
      case 'gone':
        return screen('clock', 'calm', 'gone_title', say('gone_text'), el('div', { class: 'actions' }, done()));
      default:
        return screen('cross', 'bad', 'refused_title', text || say('refused_text'), el('div', { class: 'actions' }, done(), report(say('prompt_deny'))));
    }
  }

  /** Goes back to whatever is open. */
  close() {
    this.app.closeFlow();
  }

  /** Shows what follows a report. */
  next(node) {
    this.#step(node);
    focusHeading(node);
  }
}
