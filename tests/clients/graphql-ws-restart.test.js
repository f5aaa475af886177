// graphql-ws through the death and the restart of the server, by the client's own retry.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Server } from './harness/server.js';
import { follow, socketClient } from './harness/socket-client.js';
import { Inbox } from './harness/wait.js';
import { labels } from './harness/writers.js';

test('killed five times under load: nothing is lost, nothing comes twice', async (t) => {
  const COUNT = 600;
  const KILLS = 5;
  const WRITERS = 4;
  const server = await Server.start(t);
  const after = await server.head();
  const clients = [socketClient(server), socketClient(server, { lazy: false })];
  const following = clients.map((client) => follow(client, { after }));
  let made = 0;
  let kills = 0;
  let restarting = null;
  await labels(server, COUNT, WRITERS, async () => {
    made += 1;
    if (made % Math.floor(COUNT / (KILLS + 1)) === 0 && kills < KILLS) {
      kills += 1;
      // In the midst of the other writers' mutations.
      restarting = server.kill().then(() => server.restart());
    }
    await restarting;
  });
  assert.equal(kills, KILLS);
  const expected = await server.cursors(after);
  assert.equal(expected.length, COUNT);
  for (const { inbox } of following) {
    await inbox.holds(COUNT);
    assert.deepEqual(inbox.items.map(({ cursor }) => cursor), expected);
  }
  for (const client of clients) {
    assert.ok(client.seen('connected').length > KILLS, 'it was connected in between');
  }
});

test('a server that stops says so, and the client continues with the next one', async (t) => {
  const server = await Server.start(t);
  const after = await server.head();
  const client = socketClient(server);
  const all = follow(client, { after });
  const projects = follow(client, { after, entities: ['project'] });
  await server.label('before');
  await all.inbox.holds(1);
  await server.stop();
  await client.events.until(() => client.seen('closed').length >= 1);
  const [{ details: [closed] }] = client.seen('closed');
  assert.ok([1001, 1012].includes(closed.code), `${closed.code}`);
  assert.equal(closed.wasClean, true);
  await server.restart();
  await server.label('after');
  await server.ask('mutation { projectCreateOne(data: { name: "Refit" }) { id } }');
  await all.inbox.holds(3);
  await projects.inbox.holds(1);
  assert.deepEqual(all.inbox.items.map(({ cursor }) => cursor), await server.cursors(after));
});

test('what happened while nobody was connected is replayed', async (t) => {
  const server = await Server.start(t);
  const after = await server.head();
  const first = follow(socketClient(server), { after });
  for (const name of ['a', 'b', 'c']) await server.label(name);
  await first.inbox.holds(3);
  first.stop();
  for (const name of ['d', 'e', 'f']) await server.label(name);
  await server.kill();
  await server.restart();
  const second = follow(socketClient(server), { after: first.variables.after });
  await second.inbox.holds(3);
  await server.label('g');
  await second.inbox.holds(4);
  const names = second.inbox.items.map((change) => change.after.name);
  assert.deepEqual(names, ['d', 'e', 'f', 'g']);
});

test("the tutorial's program runs as it stands, and continues after a restart", async (t) => {
  const tutorial = await readFile(new URL('../../docs/tutorial.md', import.meta.url), 'utf8');
  const program = /```js\n(\/\/ watch\.mjs[^]*?)```/.exec(tutorial)[1];
  const server = await Server.start(t);
  assert.ok(program.includes('127.0.0.1:8080'));
  const file = new URL('.watch.mjs', import.meta.url);
  t.after(() => rm(file, { force: true }));
  await writeFile(file, program.replaceAll('127.0.0.1:8080', server.address));
  const printed = new Inbox();
  const child = spawn(process.execPath, [fileURLToPath(file)], { stdio: ['ignore', 'pipe', 'inherit'] });
  server.beforeEnd(() => child.kill());
  child.stdout.on('data', (text) => {
    for (const [, name] of `${text}`.matchAll(/name: '(\w+)'/g)) printed.push(name);
  });
  await server.label('before');
  await printed.holds(1);
  await server.stop();
  await server.restart();
  await server.label('after');
  await printed.until((names) => names.includes('after'));
  assert.deepEqual(printed.items, ['before', 'after']);
});
