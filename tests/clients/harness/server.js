// The built server as a process of its own, on a database file of its own.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { PATIENCE, within } from './wait.js';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = process.env.SEACHANGE_APP ?? join(HERE, '../../target/debug/seachange-app');

/** Attempts to take the old port again: between two runs it is anybody's. */
const ATTEMPTS = 20;

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Server {
  #child = null;
  #exited = null;
  #folder;
  #environment;
  #said = '';
  #guests = [];
  /** `127.0.0.1:PORT`, the same after a restart. */
  address = '127.0.0.1:0';

  /** Starts a server that ends with the test, and whose log is then compared with its tables. */
  static async start(t, settings = {}) {
    assert.ok(existsSync(PROGRAM), `${PROGRAM} is not there: cargo build, or set SEACHANGE_APP`);
    const server = new Server();
    server.#folder = await mkdtemp(join(tmpdir(), 'seachange-clients-'));
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SEACHANGE_'));
    server.#environment = {
      ...Object.fromEntries(inherited),
      DATABASE_URL: `sqlite://${join(server.#folder, 'test.db')}?mode=rwc`,
      ...settings,
    };
    t.after(() => server.#finish());
    await server.restart();
    return server;
  }

  get url() {
    return `http://${this.address}/graphql`;
  }

  get socketUrl() {
    return `ws://${this.address}/graphql`;
  }

  /** Starts again where it listened before. */
  async restart() {
    assert.equal(this.#child, null, 'it is running');
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#launch();
        return;
      } catch (error) {
        if (attempt === ATTEMPTS || !/in use/.test(this.#said)) throw error;
      }
    }
  }

  async #launch() {
    const child = spawn(PROGRAM, ['--listen', this.address], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    this.#child = child;
    this.#said = '';
    this.#exited = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        running.delete(child);
        if (this.#child === child) this.#child = null;
        resolve({ code, signal });
      });
    });
    child.stderr.on('data', (text) => (this.#said += text));
    const listening = new Promise((resolve, reject) => {
      let printed = '';
      child.stdout.on('data', (text) => {
        printed += text;
        const address = /listening on http:\/\/(\S+)\n/.exec(printed)?.[1];
        if (address) resolve(address);
      });
      child.on('error', reject);
      this.#exited.then(() => reject(new Error(`the server did not start:\n${this.#said}`)));
    });
    this.address = await within(PATIENCE, listening, 'the server to start');
  }

  /** Kills it without warning. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Keeps it from doing anything, while its connections stay. */
  freeze() {
    this.#child.kill('SIGSTOP');
  }

  thaw() {
    this.#child.kill('SIGCONT');
  }

  /** Asks it to stop. */
  async stop() {
    this.#child.kill('SIGTERM');
    const { code } = await within(PATIENCE, this.#exited, 'the server to stop');
    assert.equal(code, 0, this.#said);
  }

  /** One operation over HTTP; an error of the API is thrown with its code. */
  async ask(query, variables = {}, headers = {}) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    if (errors) {
      throw Object.assign(new Error(errors[0].message), { code: errors[0].extensions?.code });
    }
    return data;
  }

  /** Where the log is now. */
  async head(headers) {
    return (await this.ask('{ changesHead }', {}, headers)).changesHead;
  }

  /** Makes a label: one change. */
  async label(name, headers) {
    const mutation = 'mutation($name: String!) { labelCreateOne(data: { name: $name }) { id } }';
    return (await this.ask(mutation, { name }, headers)).labelCreateOne.id;
  }

  /** Waits until the server has so many subscriptions open, by its own account. */
  async subscriptions(count) {
    const has = async () => {
      const response = await fetch(`http://${this.address}/metrics`);
      const open = /^seachange_subscriptions_open (\d+)$/m.exec(await response.text())[1];
      if (Number(open) !== count) await pause(10).then(has);
    };
    await within(PATIENCE, has(), `${count} subscriptions`);
  }

  /** The cursors of all changes after one, as the query tells them: what a subscriber must have seen. */
  async cursors(after) {
    const query = `query($after: String) {
      changes(after: $after, first: 1000) { nodes { cursor } endCursor hasNextPage } }`;
    const found = [];
    for (let more = true; more; ) {
      const page = (await this.ask(query, { after })).changes;
      found.push(...page.nodes.map(({ cursor }) => cursor));
      after = page.endCursor;
      more = page.hasNextPage;
    }
    return found;
  }

  /** Has something done at the end of the test, while the server is still there. */
  beforeEnd(leave) {
    this.#guests.push(leave);
  }

  async #finish() {
    for (const leave of this.#guests) await leave();
    if (this.#child) await this.stop();
    const verified = promisify(execFile)(PROGRAM, ['verify'], { env: this.#environment });
    await verified.finally(() => rm(this.#folder, { recursive: true, force: true }));
  }
}
