// A new Vite project as the README's "Five minutes" has it made, word by word, and its development server.

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { onTestFinished } from 'vitest';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const SERVER = 'http://127.0.0.1:8080/graphql';
const PACKED = '…/clients/web/seachange-web-0.1.0.tgz';

const run = promisify(execFile);

/** The code blocks of a section, in order, with their languages. */
async function blocks(section: string): Promise<{ language: string; text: string }[]> {
  const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
  const text = readme.split(`\n## ${section}\n`)[1]?.split('\n## ')[0];
  if (!text) throw new Error(`the README has no section ${section}`);
  return [...text.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language, text]) => ({ language: language!, text: text! }));
}

function only<T>(found: T[], what: string): T {
  if (found.length !== 1) throw new Error(`the README has ${found.length} times ${what}`);
  return found[0]!;
}

/** Packs the package as it is, follows the README against a server, and returns the project's folder. */
export async function follow(url: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'seachange-newcomer-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await run('npm', ['run', 'build'], { cwd: PACKAGE });
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: PACKAGE });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  const all = await blocks('Five minutes');
  const adapted = (text: string) => text.replaceAll(SERVER, url).replaceAll(PACKED, join(folder, filename));
  const commands = only(all.filter(({ text }) => text.includes('npm create')), 'the commands of a new project').text;
  const env = { ...process.env, npm_config_yes: 'true', npm_config_audit: 'false', npm_config_fund: 'false' };
  await run('bash', ['-euo', 'pipefail', '-c', adapted(commands)], { cwd: folder, env });
  const project = join(folder, 'board');
  const program = only(all.filter(({ language }) => language === 'ts'), 'a program').text;
  await writeFile(join(project, 'src/main.ts'), adapted(program));
  return project;
}

/** The project's own check and build. */
export async function build(project: string): Promise<void> {
  await run('npm', ['run', 'build'], { cwd: project }).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(error.stdout + error.stderr);
  });
}

/** Starts the project's development server, which ends with the test, and returns its address. */
export async function dev(project: string): Promise<string> {
  const only = ['--port', String(await freePort()), '--strictPort'];
  const child = spawn(process.execPath, [join(project, 'node_modules/vite/bin/vite.js'), ...only], {
    cwd: project,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (text) => {
      said += text;
      const address = /Local:\s+(http:\/\/\S+)/.exec(said)?.[1];
      if (address) resolve(address);
    });
    void ended.then(() => reject(new Error(`Vite did not start:\n${said}`)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
