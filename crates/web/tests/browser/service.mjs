import assert from 'node:assert/strict';
// The built service as a child process, the command line of its administrator, and an application that
// asks over the native API.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const BINARY = process.env.PUSHBACK ?? new URL('../../../../target/debug/pushback', import.meta.url).pathname;
const START_MS = 30_000;
const STOP_MS = 15_000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A line between browser and service that can be cut. */
async function line(target) {
  const sockets = new Set();
  const state = { isCut: false };
  const server = createServer((near) => {
    if (state.isCut) return near.destroy();
    const far = createConnection(target, '127.0.0.1');
    for (const [socket, other] of [[near, far], [far, near]]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
    return undefined;
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    state.isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: server.address().port,
    cut,
    mend: () => (state.isCut = false),
    stop: () => {
      cut();
      server.close();
    },
  };
}

class Child {
  constructor(args, origin) {
    this.origin = origin;
    this.log = '';
    this.process = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PUSHBACK_LOG: 'warn' } });
    this.process.on('error', (error) => (this.log += String(error)));
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (text) => (this.log = (this.log + text).slice(-20_000)));
  }

  async ready() {
    const until = Date.now() + START_MS;
    while (Date.now() < until && this.process.exitCode === null) {
      const isReady = await fetch(`${this.origin}/readyz`).then((response) => response.ok, () => false);
      if (isReady) return this;
      await pause(50);
    }
    throw new Error(`${BINARY} did not start: ${this.log}`);
  }

  async stop() {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.process.on('exit', resolve));
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** `pushback serve` in a folder of its own, with one application and a page to come back to. */
export class Service {
  static async start({ hasLine = false, policy = '', files = {} } = {}) {
    const service = new Service();
    service.folder = mkdtempSync(join(tmpdir(), 'pushback-browser-'));
    const port = await freePort();
    service.line = hasLine ? await line(port) : null;
    service.origin = `http://localhost:${service.line?.port ?? port}`;
    for (const [name, text] of Object.entries(files)) writeFileSync(join(service.folder, name), text);
    service.config = join(service.folder, 'serve.toml');
    writeFileSync(
      service.config,
      `[service]\nname = "Example Ltd"\nlisten = "127.0.0.1:${port}"\norigin = "${service.origin}"\nhelp_desk = "Call Sam and Kim, extension 100."\ntrusted_proxies = ["127.0.0.0/8"]\n${policy}`,
    );
    service.child = new Child(['serve', '--config', service.config], service.origin);
    try {
      await service.child.ready();
      const { id, secret } = await service.run('relying-party', 'add', 'Payroll');
      service.credentials = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
      await service.#application();
    } catch (error) {
      await service.stop();
      throw error;
    }
    return service;
  }

  /** The page of the application to which the hosted page leads back. */
  async #application() {
    this.application = createHttpServer((request, response) => {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end('<!doctype html><html lang="en"><title>Payroll</title><link rel="icon" href="data:,"><h1>Back at Payroll</h1>');
    });
    await new Promise((resolve) => this.application.listen(0, '127.0.0.1', resolve));
    this.back = `http://localhost:${this.application.address().port}/back`;
  }

  async stop() {
    this.application?.closeAllConnections();
    this.application?.close();
    await this.child?.stop();
    this.line?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The administrator's command line. */
  async run(...args) {
    const { stdout } = await promisify(execFile)(BINARY, [...args, '--json', '--config', this.config]);
    return JSON.parse(stdout);
  }

  async addSubscriber(name) {
    await this.run('subscriber', 'add', name, '--address', `mail.${name}`, `private.${name}`);
  }

  invite(name) {
    return this.run('subscriber', 'invite', name);
  }

  async #ask(method, path, body) {
    const headers = { Authorization: this.credentials, 'Content-Type': 'application/json' };
    const response = await fetch(this.origin + path, { method, headers, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Starts an attempt, as the application would. */
  async attempt(subscriber, { ip, browser, agent = AGENT, assurance, return_url = this.back } = {}) {
    const attempt = await this.#ask('POST', '/v1/attempts', { subscriber, return_url, assurance, context: { ip, browser, user_agent: agent } });
    const [first] = attempt.decision.reasons ?? [];
    return { ...attempt, code: attempt.decision.code, reason: first?.text };
  }

  /** The attempt once it is no longer pending, as the application waits for it. */
  async outcome({ id, version }) {
    for (let attempt = { version, state: 'pending' }; ; ) {
      attempt = await this.#ask('GET', `/v1/attempts/${id}?after=${encodeURIComponent(attempt.version)}&wait=10`);
      if (attempt.state !== 'pending' && attempt.state !== 'held') return attempt;
    }
  }

  show({ id }) {
    return this.#ask('GET', `/v1/attempts/${id}`);
  }

  /** The browser that proved an attempt on its page brings the completion back, and nobody else has it. */
  async comesBack(screen, { id }) {
    await screen.waitForURL((url) => url.href.startsWith(`${this.back}?attempt=${id}&completion=`));
    assert.equal((await this.show({ id })).state, 'proven');
    const { searchParams } = new URL(screen.url());
    const told = await this.#ask('GET', `/v1/attempts/${id}?completion=${encodeURIComponent(searchParams.get('completion'))}`);
    assert.equal(told.state, 'verified');
    assert.ok(told.token);
    return told;
  }

  cancel({ id }) {
    return this.#ask('POST', `/v1/attempts/${id}/cancel`, {});
  }
}

/** A browser that the service knows by name. */
const AGENT = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/** The panel of attacks alone. */
export async function startDemo(...more) {
  const port = await freePort();
  const child = new Child(['demo', '--only-serve', '--listen', `127.0.0.1:${port}`, ...more], `http://localhost:${port}`);
  return child.ready();
}
