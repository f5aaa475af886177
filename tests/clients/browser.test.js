// A browser: the server's own page, and what any page can do with a bare WebSocket and EventSource.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { BROWSER, open } from './harness/browser.js';
import { Server } from './harness/server.js';
import { token } from './harness/token.js';
import { labels } from './harness/writers.js';

const skip = BROWSER ? false : 'no Chromium here: install it, or set SEACHANGE_CHROMIUM';

/** Where to put pictures of the page, if anybody wants to see them. */
const PICTURES = process.env.SEACHANGE_PICTURES;

async function picture(page, name) {
  if (!PICTURES) return;
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

const live = (page) => page.locator('#state[data-state="live"]').waitFor();

test('the page shows changes live, and what it missed after a restart', { skip }, async (t) => {
  const server = await Server.start(t);
  const { page, faults } = await open(server);
  await live(page);
  await picture(page, 'empty');
  await server.label('from outside');
  const changes = page.locator('.change');
  await changes.filter({ hasText: 'from outside' }).waitFor();
  await page.getByRole('button', { name: 'Create both' }).click();
  await page.getByText('Created: two changes.').waitFor();
  await changes.filter({ hasText: 'Plant the tomatoes' }).waitFor();
  const outside = '{ name: { eq: "from outside" } }';
  await server.ask(`mutation { labelUpdate(data: { name: "renamed" }, filter: ${outside}) { id } }`);
  await server.ask('mutation { labelDelete(filter: { name: { eq: "renamed" } }) }');
  await changes.filter({ hasText: 'DELETE' }).waitFor();
  assert.equal(await changes.count(), 5);
  await page.waitForFunction(() => document.getAnimations().length === 0);
  await picture(page, 'changes');
  assert.deepEqual(faults, []);

  await server.kill();
  await page.locator('#state[data-state="waiting"]').waitFor();
  await picture(page, 'waiting');
  await server.restart();
  await server.label('after the restart');
  await changes.filter({ hasText: 'after the restart' }).waitFor();
  await live(page);
  assert.equal(await changes.count(), 6, 'nothing is shown twice');

  await page.getByRole('button', { name: 'Replay from the start' }).click();
  await changes.nth(5).waitFor();
  assert.equal(await changes.count(), 6);
});

test('the page asks for a token, and works with one', { skip }, async (t) => {
  const server = await Server.start(t, { SEACHANGE_JWT_SECRET: 'correct' });
  const ann = token('correct', 'ann');
  const { page } = await open(server, { colorScheme: 'dark', viewport: { width: 420, height: 900 } });
  await page.getByText('Token needed').waitFor();
  await picture(page, 'token');
  await page.locator('input[name=token]').fill(token('wrong', 'ann'));
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.getByText('Token refused').waitFor();
  await page.locator('input[name=token]').fill(ann);
  await page.getByRole('button', { name: 'Use it' }).click();
  await live(page);
  await server.label('hers', { authorization: `Bearer ${ann}` });
  await page.locator('.change').filter({ hasText: 'ann' }).waitFor();
  await picture(page, 'narrow');
});

test('a bare WebSocket of a page gets changes', { skip }, async (t) => {
  const server = await Server.start(t);
  const { page, faults } = await open(server);
  const after = await server.head();
  await page.evaluate(({ url, after }) => {
    window.cursors = [];
    const socket = new WebSocket(url, 'graphql-transport-ws');
    const send = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => send({ type: 'connection_init' });
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      const query = 'subscription($after: String) { changes(after: $after) { cursor } }';
      if (message.type === 'connection_ack') {
        send({ id: '1', type: 'subscribe', payload: { query, variables: { after } } });
      }
      if (message.type === 'next') window.cursors.push(message.payload.data.changes.cursor);
    };
  }, { url: server.socketUrl, after });
  for (let made = 1; made <= 20; made += 1) await server.label(`label ${made}`);
  await page.waitForFunction(() => window.cursors.length >= 20);
  const cursors = await page.evaluate(() => window.cursors);
  assert.deepEqual(cursors, await server.cursors(after));
  assert.deepEqual(faults, []);
});

test('an EventSource of a page resumes by itself', { skip }, async (t) => {
  const server = await Server.start(t);
  const { page } = await open(server);
  const after = await server.head();
  await page.evaluate(({ after }) => {
    const query = 'subscription($after: String) { changes(after: $after) { cursor } }';
    const asked = new URLSearchParams({ query, variables: JSON.stringify({ after }) });
    window.seen = { cursors: [], ids: [], opened: 0 };
    const source = new EventSource(`/graphql?${asked}`);
    source.onopen = () => (window.seen.opened += 1);
    source.addEventListener('next', ({ data, lastEventId }) => {
      window.seen.cursors.push(JSON.parse(data).data.changes.cursor);
      window.seen.ids.push(lastEventId);
    });
  }, { after });
  let made = 0;
  let restarting = null;
  await labels(server, 60, 2, async () => {
    made += 1;
    if (made === 20) restarting = server.kill().then(() => server.restart());
    if (made === 40) restarting = server.stop().then(() => server.restart());
    await restarting;
  });
  await page.waitForFunction(() => window.seen.cursors.length >= 60);
  await server.label('the last');
  await page.waitForFunction(() => window.seen.cursors.length >= 61);
  const { cursors, ids, opened } = await page.evaluate(() => window.seen);
  assert.deepEqual(cursors, await server.cursors(after));
  assert.deepEqual(ids, cursors);
  assert.ok(opened >= 2, 'it was cut off');
});

test('an EventSource is told of the end, and so need not ask again', { skip }, async (t) => {
  const server = await Server.start(t);
  const { page, faults } = await open(server);
  await page.evaluate(() => {
    const asked = new URLSearchParams({ query: 'subscription { changes(after: "x") { cursor } }' });
    const source = new EventSource(`/graphql?${asked}`);
    window.told = [];
    source.addEventListener('next', ({ data }) => {
      window.told.push(JSON.parse(data).errors[0].extensions.code);
    });
    source.addEventListener('complete', () => {
      window.told.push('complete');
      source.close();
    });
  });
  await page.waitForFunction(() => window.told.length >= 2);
  assert.deepEqual(await page.evaluate(() => window.told), ['CURSOR_INVALID', 'complete']);
  assert.deepEqual(faults, []);
});

test('in open mode a page of another name reads nothing and changes nothing', { skip }, async (t) => {
  const server = await Server.start(t);
  await server.label('secret');
  const after = await server.head();
  const { page } = await open(server, { foreign: true });
  const { status, answer, code, events } = await page.evaluate(async () => {
    const query = 'mutation { labelCreateOne(data: { name: "theirs" }) { id } }';
    const headers = { 'content-type': 'application/json' };
    const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query }) });
    const code = await new Promise((resolve) => {
      const socket = new WebSocket(`ws://${location.host}/graphql`, 'graphql-transport-ws');
      socket.onopen = () => resolve('open');
      socket.onclose = (closed) => resolve(closed.code);
    });
    const events = await new Promise((resolve) => {
      const asked = new URLSearchParams({ query: '{ label { nodes { name } } }' });
      const source = new EventSource(`/graphql?${asked}`);
      source.addEventListener('next', ({ data }) => resolve(data));
      source.onerror = () => resolve(source.readyState);
    });
    return { status: response.status, answer: await response.json(), code, events };
  });
  assert.equal(status, 403);
  assert.equal(answer.errors[0].extensions.code, 'FORBIDDEN');
  assert.equal(code, 1006);
  assert.equal(events, 2, 'closed for good');
  assert.deepEqual(await server.cursors(after), []);
});
