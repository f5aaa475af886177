// `npm run test:browser`: the demo page in headless Chromium against the built server.
//
// Debian's Chromium is installed where it is missing and that is allowed. Where it cannot be had, and in
// CI, nothing is tested, and that is said.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const FOLDER = fileURLToPath(new URL('..', import.meta.url));
/** From here the server finds the built demo by itself. */
const ROOT = join(FOLDER, '../..');
const PROGRAM = process.env.SEACHANGE_APP ?? join(ROOT, 'target/debug/seachange-app');

function found() {
  if (process.env.SEACHANGE_CHROMIUM) return process.env.SEACHANGE_CHROMIUM;
  const places = NAMES.map((name) => spawnSync('which', [name], { encoding: 'utf8' }).stdout?.trim());
  return places.find((place) => place);
}

function install() {
  const isAllowed = process.getuid?.() === 0 && spawnSync('which', ['apt-get']).status === 0;
  if (!isAllowed) return;
  console.log('browser tests: installing chromium');
  const settings = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  spawnSync('apt-get', ['update', '-qq'], settings);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], settings);
}

function skip(reason) {
  console.log(`browser tests: SKIPPED, ${reason}`);
  process.exit(0);
}

function run(program, ...words) {
  const script = join(FOLDER, 'node_modules', program);
  const { status } = spawnSync(process.execPath, [script, ...words], { stdio: 'inherit', cwd: ROOT, env: process.env });
  if (status !== 0) process.exit(status ?? 1);
}

if (process.env.CI) skip('they do not run in CI');
if (!found()) install();
const chromium = found();
if (!chromium) skip('there is no Chromium: install it, or set SEACHANGE_CHROMIUM');
if (!existsSync(PROGRAM)) {
  console.error(`browser tests: ${PROGRAM} is not there: cargo build, or set SEACHANGE_APP`);
  process.exit(1);
}
process.env.SEACHANGE_CHROMIUM = chromium;
process.env.SEACHANGE_APP = PROGRAM;
run('vite/bin/vite.js', 'build', '--config', join(FOLDER, 'demo/vite.config.ts'), '--logLevel', 'warn');
run('vitest/vitest.mjs', 'run', '--config', join(FOLDER, 'test-browser/vitest.config.ts'), ...process.argv.slice(2));
