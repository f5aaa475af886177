// graphql-sse, the stock client of GraphQL over server-sent events, in distinct connections mode.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createClient } from 'graphql-sse';

import { Server } from './harness/server.js';
import { token } from './harness/token.js';
import { Inbox, PATIENCE, within } from './harness/wait.js';
import { labels } from './harness/writers.js';

const FOLLOW = 'subscription($after: String) { changes(after: $after) { cursor entity after } }';

/** A client that ends with the test. Its retries are quicker than its own default. */
function eventClient(server, options = {}) {
  const connecting = new Inbox();
  const client = createClient({
    url: server.url,
    retryAttempts: 1_000,
    retry: () => new Promise((resolve) => setTimeout(resolve, 25)),
    on: { connecting: (again) => connecting.push(again) },
    ...options,
  });
  server.beforeEnd(() => client.dispose());
  return Object.assign(client, { connecting });
}

/** Subscribes; `move` is told the cursor of each change as it arrives. */
function follow(client, variables, move, query = FOLLOW) {
  const inbox = new Inbox();
  const outcome = { inbox };
  outcome.ended = new Promise((resolve) => {
    outcome.stop = client.subscribe({ query, variables }, {
      next({ data, errors }) {
        if (data?.changes) move(data.changes.cursor);
        inbox.push(data?.changes ?? { errors });
      },
      error: (error) => resolve({ error }),
      complete: () => resolve({ complete: true }),
    });
  });
  return outcome;
}

async function all(answers) {
  const found = [];
  for await (const answer of answers) found.push(answer);
  return found;
}

test('queries and mutations are one answer', async (t) => {
  const server = await Server.start(t);
  const client = eventClient(server);
  const query = 'mutation($name: String!) { labelCreateOne(data: { name: $name }) { name } }';
  const created = await all(client.iterate({ query, variables: { name: 'urgent' } }));
  assert.deepEqual(created, [{ data: { labelCreateOne: { name: 'urgent' } } }]);
  const found = await all(client.iterate({ query: '{ label { nodes { name } } }' }));
  assert.deepEqual(found, [{ data: { label: { nodes: [{ name: 'urgent' }] } } }]);
});

test('a subscription delivers, until it is aborted', async (t) => {
  const server = await Server.start(t);
  const client = eventClient(server);
  const after = await server.head();
  const following = follow(client, { after }, () => {});
  for (let made = 1; made <= 10; made += 1) {
    await server.label(`label ${made}`);
    await following.inbox.holds(made);
  }
  assert.deepEqual(following.inbox.items.map(({ cursor }) => cursor), await server.cursors(after));
  await server.subscriptions(1);
  following.stop();
  await server.subscriptions(0);
  await server.label('later');
  const marker = follow(client, { after }, () => {});
  await marker.inbox.holds(11);
  assert.equal(following.inbox.items.length, 10);
});

for (const [name, resumption] of [
  ['by `after`', (state) => ({ move: (cursor) => (state.variables.after = cursor), headers: {} })],
  ['by `Last-Event-ID`', (state) => ({
    move: (cursor) => (state.last = cursor),
    headers: () => (state.last ? { 'last-event-id': state.last } : {}),
  })],
]) {
  test(`${name} it continues after the server was stopped, and after it was killed`, async (t) => {
    const server = await Server.start(t);
    const after = await server.head();
    const state = { variables: { after }, last: null };
    const { move, headers } = resumption(state);
    const client = eventClient(server, { headers });
    const { inbox } = follow(client, state.variables, move);
    await server.label('a');
    await inbox.holds(1);
    await server.stop();
    await server.restart();
    await server.label('b');
    await inbox.holds(2);
    let made = 0;
    let restarting = null;
    await labels(server, 60, 2, async () => {
      made += 1;
      if (made % 20 === 0) restarting = server.kill().then(() => server.restart());
      await restarting;
    });
    const expected = await server.cursors(after);
    assert.equal(expected.length, 62);
    await inbox.holds(62);
    assert.deepEqual(inbox.items.map(({ cursor }) => cursor), expected);
    assert.ok(client.connecting.items.filter((again) => again).length >= 4);
  });
}

test('what is refused comes as errors, and the stream is complete', async (t) => {
  const server = await Server.start(t);
  const client = eventClient(server);
  for (const [query, code] of [
    ['subscription { nothing { id } }', 'BAD_INPUT'],
    ['subscription {', 'BAD_INPUT'],
    ['subscription { changes(after: "x") { cursor } }', 'CURSOR_INVALID'],
    ['subscription { changes(after: "0123456789abcdef.0.0.1") { cursor } }', 'RESYNC_REQUIRED'],
  ]) {
    const refused = follow(client, {}, () => {}, query);
    assert.deepEqual(await within(PATIENCE, refused.ended, query), { complete: true });
    const [{ errors }] = refused.inbox.items;
    assert.equal(refused.inbox.items.length, 1);
    assert.equal(errors[0].extensions.code, code, query);
  }
  assert.equal(client.connecting.items.length, 4, 'none is tried again');
});

test('a token is wanted, and renewed when it has expired', async (t) => {
  const secret = 'correct';
  const server = await Server.start(t, { SEACHANGE_JWT_SECRET: secret });
  const authorization = (...details) => ({ authorization: `Bearer ${token(...details)}` });
  const valid = authorization(secret, 'ann');
  const stranger = eventClient(server, { headers: authorization('wrong', 'ann'), retryAttempts: 0 });
  const { error } = await follow(stranger, {}, () => {}).ended;
  assert.equal(error.response.status, 401);
  const { errors } = await error.response.json();
  assert.equal(errors[0].extensions.code, 'UNAUTHENTICATED');

  const headers = [authorization(secret, 'ann', 2), valid];
  const client = eventClient(server, { headers: () => headers.shift() });
  const variables = { after: await server.head(valid) };
  const { inbox } = follow(client, variables, (cursor) => (variables.after = cursor));
  await server.label('a', valid);
  await inbox.holds(1);
  await client.connecting.holds(2);
  await server.label('b', valid);
  await inbox.holds(2);
  assert.deepEqual(inbox.items.map((change) => change.after.name), ['a', 'b']);
});
