// A server as the tests need one: the model, or the built application as a process of its own.

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { ModelServer } from '../model/server.js';

export interface Server {
  url: string;
  /** Ends without warning; what is committed stays. */
  kill(): Promise<void>;
  /** Starts again where it was, on the same database. */
  restart(): Promise<void>;
  /** Forgets how it came to be as it is. */
  prune(): Promise<void>;
  /** Takes a copy of the database; the answer goes back to it, as one does after a disaster. */
  copy(): Promise<() => Promise<void>>;
  /** Ends, and looks whether everything is sound. */
  finish(): Promise<void>;
}

const PROGRAM =
  process.env.SEACHANGE_APP ?? fileURLToPath(new URL('../../../../target/debug/seachange-app', import.meta.url));

/** What a server answers with at most: bytes. */
export interface Most {
  answerBytes?: number;
}

/** How each server to test with is started. The application is left out where it is not built. */
export const SERVERS: [string, (most?: Most) => Promise<Server>][] = [['the model', model]];
if (existsSync(PROGRAM)) SERVERS.push(['the application', (most) => App.start(most)]);
else console.warn(`${PROGRAM} is not there: only the model is tested`);

async function model({ answerBytes }: Most = {}): Promise<Server> {
  const server = await new ModelServer().start();
  server.faults.mostAnswered = answerBytes;
  return {
    get url() {
      return server.url;
    },
    kill: () => server.stop(),
    restart: async () => void (await server.start()),
    prune: async () => server.tables.prune(),
    copy: async () => {
      const back = server.tables.copy();
      return async () => {
        await server.stop();
        back();
        await server.start();
      };
    },
    finish: () => server.stop(),
  };
}

const run = promisify(execFile);

class App implements Server {
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(0);
  #address = '127.0.0.1:0';
  readonly #folder: string;
  readonly #environment: Record<string, string | undefined>;
  #said = '';

  private constructor(folder: string, { answerBytes }: Most) {
    this.#folder = folder;
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SEACHANGE_'));
    this.#environment = {
      ...Object.fromEntries(inherited),
      DATABASE_URL: `sqlite://${join(folder, 'test.db')}?mode=rwc`,
      ...(answerBytes === undefined ? {} : { SEACHANGE_ANSWER_BYTES: String(answerBytes) }),
    };
  }

  static async start(most: Most = {}): Promise<App> {
    const app = new App(await mkdtemp(join(tmpdir(), 'seachange-web-')), most);
    await app.restart();
    return app;
  }

  get url(): string {
    return `http://${this.#address}/graphql`;
  }

  async restart(): Promise<void> {
    const child = spawn(PROGRAM, ['--listen', this.#address], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const giveUp = () => child.kill('SIGKILL');
    process.on('exit', giveUp);
    this.#child = child;
    this.#said = '';
    this.#ended = new Promise((resolve) => {
      child.on('exit', (code) => {
        process.off('exit', giveUp);
        resolve(code);
      });
    });
    child.stderr.on('data', (text) => (this.#said += text));
    this.#address = await new Promise<string>((resolve, reject) => {
      let printed = '';
      child.stdout.on('data', (text) => {
        printed += text;
        const address = /listening on http:\/\/(\S+)\n/.exec(printed)?.[1];
        if (address) resolve(address);
      });
      void this.#ended.then(() => reject(new Error(`the server did not start:\n${this.#said}`)));
    });
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  async prune(): Promise<void> {
    await this.#command('prune', '--older-than', '0s');
  }

  async copy(): Promise<() => Promise<void>> {
    await this.kill();
    await this.#copyFiles('test.db', 'copy.db');
    await this.restart();
    return async () => {
      await this.kill();
      await this.#copyFiles('copy.db', 'test.db');
      await this.#command('epoch', 'new');
      await this.restart();
    };
  }

  async finish(): Promise<void> {
    this.#child?.kill('SIGTERM');
    const code = await this.#ended;
    try {
      if (code !== 0) throw new Error(`the server ended with ${code}:\n${this.#said}`);
      await this.#command('verify');
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  async #command(...words: string[]): Promise<void> {
    await run(PROGRAM, words, { env: this.#environment });
  }

  /** A database is its file and what SQLite keeps beside it. */
  async #copyFiles(from: string, to: string): Promise<void> {
    for (const file of await readdir(this.#folder)) {
      if (file.startsWith(to)) await rm(join(this.#folder, file));
    }
    for (const file of await readdir(this.#folder)) {
      if (file.startsWith(from)) await copyFile(join(this.#folder, file), join(this.#folder, file.replace(from, to)));
    }
  }
}
