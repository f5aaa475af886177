// What no sound server does often: refused tokens, sockets closed for good, faults of a whole batch.

import { expect, onTestFinished, test } from 'vitest';

import { PackageClient } from './harness/client.js';
import { until, untilEqual } from './harness/until.js';
import { World } from './harness/world.js';
import { ModelServer } from './model/server.js';
import { fault } from './model/tables.js';

async function begin(): Promise<[World, ModelServer]> {
  const model = await new ModelServer().start();
  const world = await World.begin(async () => ({
    url: model.url,
    kill: () => model.stop(),
    restart: async () => void (await model.start()),
    prune: async () => model.tables.prune(),
    copy: () => Promise.reject(new Error('not here')),
    finish: () => model.stop(),
  }));
  onTestFinished(() => void (model.faults = {}));
  return [world, model];
}

test('a token that is refused is replaced, and nothing is lost', async () => {
  const [world, model] = await begin();
  let valid = 1;
  let given = 0;
  const guard = (token: string | undefined) => {
    // Those of the test itself have none.
    if (token && token !== `Bearer ${valid}`) throw fault('UNAUTHENTICATED');
  };
  model.faults.refuse = (query, token) => (query === 'connection_init' ? undefined : guard(token));
  const client = await world.client(PackageClient, { token: async () => `${(given = valid)}` });
  const id = await world.create();
  await client.sees(id, 'Caulk');
  valid = 2;
  model.closeSockets(4403);
  await client.edit(id, { title: 'Tar' });
  await world.converges();
  expect(given).toBe(2);
  await world.edit(id, { title: 'Paint' });
  await client.sees(id, 'Paint');
});

test('while no token is accepted the edits wait, and the problem is reported', async () => {
  const [world, model] = await begin();
  let open = false;
  const client = await world.client(PackageClient, { token: () => 'token' });
  model.faults.refuse = (_query, token) => {
    if (token && !open) throw fault('UNAUTHENTICATED');
  };
  const made = await client.create({ projectId: world.project, title: 'Sand' });
  await until('a problem', () => client.replica.status.problem?.code === 'UNAUTHENTICATED');
  // The stream may have been refused before the edit was counted.
  await untilEqual('the unsent tasks', () => client.replica.status.unsent.task, [made]);
  expect(client.replica.status).toMatchObject({ online: true, pending: 1 });
  open = true;
  await world.converges();
  await untilEqual('the unsent tasks', () => client.replica.status.unsent.task, []);
  await until('no problem', () => client.replica.status.problem === undefined);
  expect(await world.task(made)).toMatchObject({ title: 'Sand' });
});

test.each([1000, 1001, 1002, 1008, 1009, 1011, 1012, 1013, 3000, 4400, 4401, 4403, 4408, 4429, 4500])(
  'a socket closed with %i is opened again, and what was missed is asked for',
  async (code) => {
    const [world, model] = await begin();
    const client = await world.client(PackageClient);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    model.closeSockets(code);
    await world.edit(id, { title: 'Tar' });
    await client.sees(id, 'Tar');
    await client.rests();
    await world.edit(id, { title: 'Paint' });
    await client.sees(id, 'Paint');
  },
);

test.each(['complete', 'error', 'no data'] as const)('a stream that ends with %s begins again', async (end) => {
  const [world, model] = await begin();
  const client = await world.client(PackageClient);
  const id = await world.create();
  await client.sees(id, 'Caulk');
  await client.rests();
  let times = 0;
  model.faults.stream = () => ((times += 1) > 2 ? undefined : end);
  for (let round = 1; times < 4 && round < 50; round += 1) {
    await world.edit(id, { title: `round ${round}` });
    await client.sees(id, `round ${round}`);
  }
  expect(times).toBeGreaterThanOrEqual(4);
  await world.converges();
});

test('a batch that the server cannot take just now is sent again', async () => {
  const [world, model] = await begin();
  const client = await world.client(PackageClient);
  await client.rests();
  let times = 0;
  model.faults.refuse = (query) => {
    if (query.includes('mutation PushTask') && (times += 1) < 4) throw fault('UNAVAILABLE');
  };
  const made = await client.create({ projectId: world.project, title: 'Sand' });
  await until('the problem', () => client.replica.status.problem?.code === 'UNAVAILABLE');
  await world.converges();
  expect(times).toBeGreaterThanOrEqual(4);
  expect(await world.task(made)).toMatchObject({ title: 'Sand' });
  await until('no problem', () => client.replica.status.problem === undefined);
});

test('one row that is forbidden does not hold up the others', async () => {
  const [world] = await begin();
  const client = await world.client(PackageClient);
  await client.rests();
  client.network.cut();
  const forbidden = await client.create({ projectId: world.project, title: 'forbidden' });
  const allowed = await client.create({ projectId: world.project, title: 'allowed' });
  client.network.restore();
  await client.sees(forbidden, undefined);
  await world.converges();
  expect(await world.task(allowed)).toMatchObject({ title: 'allowed' });
  expect(client.rejections).toMatchObject([{ key: forbidden, code: 'FORBIDDEN', sent: { title: 'forbidden' } }]);
});

test('a server that hangs counts as away', async () => {
  const [world, model] = await begin();
  const client = await world.client(PackageClient, { requestTimeout: 200 });
  await client.rests();
  let hang = true;
  model.faults.delay = () => (hang ? new Promise((resolve) => setTimeout(resolve, 100_000).unref()) : undefined);
  const made = await client.create({ projectId: world.project, title: 'Sand' });
  await until('the client to be offline', () => !client.replica.status.online);
  hang = false;
  await world.converges();
  expect(await world.task(made)).toMatchObject({ title: 'Sand' });
});

test('after a request that was not answered, all is known to be here again', async () => {
  const [world, model] = await begin();
  const client = await world.client(PackageClient, { requestTimeout: 2_000 });
  await client.rests();
  let hang = true;
  const never = new Promise<void>(() => undefined);
  model.faults.delay = (query) => (hang && query.includes('mutation') ? never : undefined);
  await client.create({ projectId: world.project, title: 'Sand' });
  await until('the client to be offline', () => !client.replica.status.online);
  // The socket is open all the time, and most collections have nothing to hear.
  const before = Number(client.replica.status.lastSynced);
  hang = false;
  await until('all to be here', () => Number(client.replica.status.lastSynced) > before);
});

test('where sockets do not get through, changes come all the same', async () => {
  const [world] = await begin();
  const client = await world.client(PackageClient);
  client.network.blockSockets();
  client.reconnect();
  const id = await world.create();
  await client.sees(id, 'Caulk');
});
