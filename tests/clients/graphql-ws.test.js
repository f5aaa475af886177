// graphql-ws, the stock client of graphql-transport-ws: what an application does with a server that
// stays up.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Server } from './harness/server.js';
import { FOLLOW, follow, once, socketClient } from './harness/socket-client.js';
import { token } from './harness/token.js';
import { within, PATIENCE } from './harness/wait.js';

const CREATE = 'mutation($name: String!) { labelCreateOne(data: { name: $name }) { id name } }';

test('query, mutation and subscription share a socket', async (t) => {
  const server = await Server.start(t);
  const client = socketClient(server);
  const { data: { changesHead: after } } = await once(client, '{ changesHead }');
  const following = follow(client, { after });
  const { data } = await once(client, CREATE, { name: 'urgent' });
  const [change] = await following.inbox.holds(1);
  assert.equal(change.entity, 'label');
  assert.equal(change.operation, 'INSERT');
  assert.deepEqual(change.after, { id: String(data.labelCreateOne.id), name: 'urgent' });
  const { data: { label } } = await once(client, '{ label { nodes { name } } }');
  assert.deepEqual(label.nodes, [{ name: 'urgent' }]);
  following.stop();
  assert.deepEqual(await following.ended, { complete: true });
  // The first query had a socket of its own: the client closes an idle one at once.
  assert.equal(client.seen('connected').length, 2);
});

test('the extensions of a mutation are in its changes', async (t) => {
  const server = await Server.start(t);
  const client = socketClient(server);
  const { data } = await once(client, '{ changesHead }');
  const query = `subscription($after: String) {
    changes(after: $after) { cursor mutationId metadata transactionId } }`;
  const following = follow(client, { after: data.changesHead }, query);
  const extensions = { idempotencyKey: 'import-7', metadata: { reason: 'spring' } };
  const create = 'mutation { labelCreateBatch(data: [{ name: "a" }, { name: "b" }]) { id } }';
  await once(client, create, {}, extensions);
  const [first, second] = await following.inbox.holds(2);
  assert.equal(first.mutationId, 'import-7');
  assert.deepEqual(first.metadata, { reason: 'spring' });
  assert.equal(first.transactionId, second.transactionId);
});

test('what a socket may not hold is refused, the rest goes on', async (t) => {
  const server = await Server.start(t, { SEACHANGE_SUBSCRIPTIONS_PER_SOCKET: '3' });
  const client = socketClient(server);
  const after = await server.head();
  const held = [1, 2, 3].map(() => follow(client, { after }));
  const { error } = await follow(client, { after }).ended;
  assert.equal(error[0].extensions.code, 'LIMIT_EXCEEDED');
  await server.label('a');
  for (const { inbox } of held) await inbox.holds(1);
  const large = socketClient(server, { shouldRetry: () => false });
  const query = `{ changesHead } # ${'x'.repeat(1024 * 1024)}`;
  await assert.rejects(once(large, query), { code: 1009 });
  assert.equal(client.seen('closed').length, 0);
});

test('a change made over HTTP arrives live', async (t) => {
  const server = await Server.start(t);
  const client = socketClient(server);
  const after = await server.head();
  const following = follow(client, { after });
  for (let made = 1; made <= 20; made += 1) {
    await server.label(`label ${made}`);
    const changes = await following.inbox.holds(made);
    assert.equal(changes.at(-1).after.name, `label ${made}`);
  }
  assert.deepEqual(following.inbox.items.map(({ cursor }) => cursor), await server.cursors(after));
});

test('a filtered subscription begins with the rows there are, and is resumed behind them', async (t) => {
  const server = await Server.start(t);
  const client = socketClient(server);
  for (const name of ['a', 'b', 'c']) await server.label(name);
  const query = `subscription($filters: LabelFilterInput, $after: String, $initial: Boolean) {
    labelChanges(filters: $filters, after: $after, includeInitial: $initial) {
      kind cursor record { name } previous { name } } }`;
  const variables = { filters: { name: { is_in: ['a', 'b', 'z'] } }, initial: true };
  const { inbox } = follow(client, variables, query, ({ kind, cursor }) => {
    // Cut off among the rows it would have to begin again.
    if (kind !== 'INITIAL') Object.assign(variables, { after: cursor, initial: false });
  });
  await inbox.holds(3);
  const rename = (from, to) => server.ask(`mutation {
    labelUpdate(data: { name: "${to}" }, filter: { name: { eq: "${from}" } }) { id } }`);
  await rename('c', 'z');
  await inbox.holds(4);
  await server.kill();
  await server.restart();
  await rename('a', 'q');
  await inbox.holds(6);
  const told = inbox.items.map(({ kind, record, previous }) => [kind, previous?.name, record?.name]);
  assert.deepEqual(told.slice(0, 2).sort(), [['INITIAL', undefined, 'a'], ['INITIAL', undefined, 'b']]);
  assert.deepEqual(told[2], ['CAUGHT_UP', undefined, undefined]);
  assert.deepEqual(told[3], ['INSERT', undefined, 'z']);
  // The change may come before the client has connected again, or after.
  const rest = told.slice(4).sort();
  assert.deepEqual(rest, [['CAUGHT_UP', undefined, undefined], ['DELETE', 'a', undefined]]);
});

test('pings of the client are answered', async (t) => {
  const server = await Server.start(t);
  const client = socketClient(server, { lazy: false, keepAlive: 50 });
  await client.events.until(() => client.seen('pong').length >= 5);
  assert.ok(client.seen('pong').length <= client.seen('ping').length, 'none without a ping');
  assert.ok(client.seen('pong').every(({ details: [received] }) => received));
  assert.equal(client.seen('connected').length, 1);
});

test('a client whose pings stay unanswered gives the connection up, and loses nothing', async (t) => {
  const server = await Server.start(t);
  const after = await server.head();
  const client = socketClient(server, { keepAlive: 50 });
  let patience;
  client.on('ping', (received) => {
    if (!received) patience = setTimeout(() => client.terminate(), 200);
  });
  client.on('pong', (received) => received && clearTimeout(patience));
  const following = follow(client, { after });
  await server.label('before');
  await following.inbox.holds(1);
  server.freeze();
  await client.events.until(() => client.seen('closed').length === 1);
  assert.equal(client.seen('closed')[0].details[0].code, 4499);
  server.thaw();
  await server.label('after');
  await following.inbox.holds(2);
  clearTimeout(patience);
  assert.deepEqual(following.inbox.items.map(({ cursor }) => cursor), await server.cursors(after));
});

test('lazy: a socket while something is subscribed to', async (t) => {
  const server = await Server.start(t);
  const client = socketClient(server);
  assert.deepEqual(client.events.items, []);
  const following = follow(client, { after: await server.head() });
  await client.events.until(() => client.seen('connected').length === 1);
  await server.label('a');
  await following.inbox.holds(1);
  following.stop();
  await client.events.until(() => client.seen('closed').length === 1);
  assert.equal(client.seen('closed')[0].details[0].code, 1000);
  assert.equal(client.seen('closed')[0].details[0].wasClean, true);
});

test('not lazy: a socket from the start, kept between operations', async (t) => {
  const server = await Server.start(t);
  const client = socketClient(server, { lazy: false });
  await client.events.until(() => client.seen('connected').length === 1);
  for (let made = 0; made < 3; made += 1) {
    const { data } = await once(client, CREATE, { name: `label ${made}` });
    assert.ok(data.labelCreateOne.id > 0);
  }
  assert.equal(client.seen('connected').length, 1);
  assert.equal(client.seen('closed').length, 0);
});

test('of two subscriptions on a socket one ends, the other goes on', async (t) => {
  const server = await Server.start(t);
  const client = socketClient(server);
  const after = await server.head();
  const first = follow(client, { after, entities: ['label'] });
  const second = follow(client, { after });
  await server.label('a');
  await first.inbox.holds(1);
  await second.inbox.holds(1);
  first.stop();
  assert.deepEqual(await first.ended, { complete: true });
  await server.subscriptions(1);
  await server.label('b');
  await server.ask('mutation { projectCreateOne(data: { name: "Refit" }) { id } }');
  await second.inbox.holds(3);
  assert.equal(first.inbox.items.length, 1, 'nothing after its end');
  assert.equal(client.seen('connected').length, 1);
  assert.equal(client.seen('closed').length, 0);
});

test('what is refused is an error of its operation, and the socket stays', async (t) => {
  const server = await Server.start(t);
  const client = socketClient(server);
  const following = follow(client, { after: await server.head() });
  for (const [query, variables, code] of [
    ['subscription { nothing { id } }', {}, 'BAD_INPUT'],
    ['subscription {', {}, 'BAD_INPUT'],
    ['{ label { nodes { nothing } } }', {}, 'BAD_INPUT'],
    ['subscription { changes(entities: ["nothing"]) { cursor } }', {}, 'BAD_INPUT'],
    [FOLLOW, { after: 'x' }, 'CURSOR_INVALID'],
  ]) {
    const refused = follow(client, variables, query);
    const { error } = await within(PATIENCE, refused.ended, query);
    assert.equal(error[0].extensions.code, code, query);
    assert.deepEqual(refused.inbox.items, []);
  }
  // An error while a mutation runs is an answer.
  await once(client, CREATE, { name: 'a' });
  const { errors } = await once(client, CREATE, { name: 'a' });
  assert.equal(errors[0].extensions.code, 'CONFLICT');
  await following.inbox.holds(1);
  assert.equal(client.seen('connected').length, 1);
  assert.equal(client.seen('closed').length, 0);
});

test('without a valid token the socket closes with 4403', async (t) => {
  const server = await Server.start(t, { SEACHANGE_JWT_SECRET: 'correct' });
  const authorization = `Bearer ${token('correct', 'ann')}`;
  const wrong = [
    undefined,
    { Authorization: 'Bearer x' },
    { Authorization: `Bearer ${token('wrong', 'ann')}` },
    { Authorization: `Bearer ${token('correct', 'ann', -3600)}` },
  ];
  for (const connectionParams of wrong) {
    const client = socketClient(server, {
      connectionParams,
      shouldRetry: ({ code }) => code !== 4403,
    });
    await assert.rejects(once(client, '{ changesHead }'), { code: 4403, reason: 'Forbidden' });
    assert.equal(client.seen('connecting').length, 1, 'it does not try again');
  }
  // Left to its own judgement the client tries as often as it is told to, then says why not.
  const stubborn = socketClient(server, { connectionParams: wrong[1], retryAttempts: 3 });
  await assert.rejects(once(stubborn, '{ changesHead }'), { code: 4403 });
  assert.equal(stubborn.seen('connecting').length, 4);

  for (const connectionParams of [
    { Authorization: authorization },
    { authorization },
    { headers: { Authorization: authorization } },
  ]) {
    const client = socketClient(server, { connectionParams });
    const { data } = await once(client, '{ changesHead }');
    assert.ok(data.changesHead);
  }
});

test('a client that gets a new token goes on where the old one has expired', async (t) => {
  const secret = 'correct';
  const server = await Server.start(t, { SEACHANGE_JWT_SECRET: secret });
  const headers = { authorization: `Bearer ${token(secret, 'ann')}` };
  const after = await server.head(headers);
  // The first is no good, the second good for 2 s, then a long one.
  const tokens = [token('wrong', 'ann'), token(secret, 'ann', 2), token(secret, 'ann')];
  const client = socketClient(server, {
    connectionParams: () => ({ Authorization: `Bearer ${tokens.shift()}` }),
  });
  const following = follow(client, { after });
  await server.label('a', headers);
  await following.inbox.holds(1);
  await client.events.until(() => client.seen('closed').length === 2);
  await server.label('b', headers);
  await following.inbox.holds(2);
  const closed = client.seen('closed').map(({ details: [{ code, reason }] }) => [code, reason]);
  assert.deepEqual(closed, [[4403, 'Forbidden'], [4403, 'Forbidden: the token has expired']]);
  const names = following.inbox.items.map((change) => change.after.name);
  assert.deepEqual(names, ['a', 'b']);
});
