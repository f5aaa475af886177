// When the server can no longer say what changed: everything is pulled anew, and no unsent edit is lost.

import { describe, expect, test } from 'vitest';

import { PackageClient } from './harness/client.js';
import { SERVERS } from './harness/server.js';
import { until, untilEqual } from './harness/until.js';
import { World } from './harness/world.js';

/** What a client has to find after it was away: one of each kind. */
async function meanwhile(world: World, client: PackageClient) {
  const [edited, deleted, mine, both] = [
    await world.create({ title: 'edited' }),
    await world.create({ title: 'deleted' }),
    await world.create({ title: 'mine' }),
    await world.create({ title: 'both' }),
  ];
  for (let count = 0; count < 8; count += 1) await world.create({ title: `other ${count}` });
  await client.sees(both, 'both');
  await client.rests();
  client.network.cut();
  await client.edit(mine, { title: 'mine, offline' });
  await client.edit(both, { title: 'both, offline' });
  const made = await client.create({ projectId: world.project, title: 'made offline' });
  await world.edit(edited, { title: 'edited by others' });
  await world.edit(both, { priority: 7 });
  await world.edit(deleted, { _deleted: true });
  return { edited, deleted, mine, both, made };
}

async function expectAll(world: World, client: PackageClient, ids: Awaited<ReturnType<typeof meanwhile>>) {
  await world.converges();
  expect(await client.task(ids.deleted)).toBeUndefined();
  expect(await world.task(ids.edited)).toMatchObject({ title: 'edited by others' });
  expect(await world.task(ids.mine)).toMatchObject({ title: 'mine, offline' });
  expect(await world.task(ids.both)).toMatchObject({ title: 'both, offline', priority: 7 });
  expect(await world.task(ids.made)).toMatchObject({ title: 'made offline' });
}

describe.each(SERVERS)('%s', (_name, start) => {
  test('retention has overtaken a client', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient, { batchSize: 3 });
    const ids = await meanwhile(world, client);
    await world.server.prune();
    const before = client.network.requests.length;
    client.network.restore();
    await expectAll(world, client, ids);
    const anew = client.network.requests.slice(before).filter((one) => /query PullTask\(.*"checkpoint":null/.test(one));
    expect(anew).toHaveLength(1);
    await world.edit(ids.mine, { title: 'followed again' });
    await client.sees(ids.mine, 'followed again');
  });

  test('retention has overtaken a page that was closed', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient, { batchSize: 3 });
    const ids = await meanwhile(world, client);
    await client.close();
    await world.server.prune();
    client.network.restore();
    await client.open();
    await expectAll(world, client, ids);
  });

  test.each([1, 2, 3, 4, 5])('the page is closed after %i pages of a rebuild', async (pages) => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient, { batchSize: 3 });
    const ids = await meanwhile(world, client);
    await world.server.prune();
    const before = client.network.requests.length;
    const pulled = () => client.network.requests.slice(before).filter((one) => one.includes('query PullTask'));
    client.network.restore();
    // The first is refused.
    await until('some pages', () => pulled().length > pages);
    await client.close();
    client.network.cut();
    await client.open();
    expect((await client.task(ids.made))?.title).toBe('made offline');
    expect((await client.task(ids.mine))?.title).toMatch(/^mine, offline/);
    client.network.restore();
    await expectAll(world, client, ids);
  });

  test('the database was restored from a copy', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient, { batchSize: 3 });
    const [old, mine] = [await world.create({ title: 'old' }), await world.create({ title: 'mine' })];
    await client.sees(mine, 'mine');
    await client.rests();
    const restore = await world.server.copy();
    const lost = await world.create({ title: 'lost with the disk' });
    await world.edit(old, { title: 'newer' });
    await client.sees(old, 'newer');
    await client.sees(lost, 'lost with the disk');
    await client.rests();
    client.network.cut();
    await client.edit(mine, { title: 'mine, offline' });
    const made = await client.create({ projectId: world.project, title: 'made offline' });
    await restore();
    client.network.restore();
    await client.sees(lost, undefined);
    await client.sees(old, 'old');
    await world.converges();
    expect(await world.task(mine)).toMatchObject({ title: 'mine, offline' });
    expect(await world.task(made)).toMatchObject({ title: 'made offline' });
  });

  test('a rebuild that is done is not done again', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient, { batchSize: 3 });
    for (let count = 0; count < 6; count += 1) await world.create({ title: `task ${count}` });
    await untilEqual('the tasks', () => client.collections.task.count().exec(), 6);
    await client.rests();
    client.network.cut();
    await world.create({ title: 'another' });
    await world.create({ title: 'and another' });
    await world.create({ title: 'and one more' });
    await world.server.prune();
    client.network.restore();
    await untilEqual('the tasks', () => client.collections.task.count().exec(), 9);
    await client.rests();
    const before = client.network.requests.length;
    client.reconnect();
    await until('a pull', () => client.network.requests.slice(before).some((one) => one.includes('query PullTask')));
    await client.rests();
    const first = client.network.requests.slice(before).filter((one) => /query PullTask\(.*"checkpoint":null/.test(one));
    expect(first).toEqual([]);
  });

  test('a rebuild that was asked for', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient, { batchSize: 3 });
    const id = await world.create();
    await client.sees(id, 'Caulk');
    await client.rests();
    client.replica.rebuild();
    await until('the first page again', () => {
      return client.network.requests.filter((one) => /query PullTask\(.*"checkpoint":null/.test(one)).length > 1;
    });
    await world.converges();
  });
});
