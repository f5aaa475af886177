// What every client may expect of a bad network, and of servers and pages that end without warning.

import { describe, expect, test } from 'vitest';

import { until } from './harness/until.js';
import { PAIRS, World } from './harness/world.js';

/** Milliseconds of the outage; set it to 120000 for the real two minutes. */
const OUTAGE = Number(process.env.SEACHANGE_OUTAGE_MS ?? 1_500);

describe.each(PAIRS)('%s', (_name, kind, start) => {
  test('an edit whose answer is lost counts once', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    client.network.loseAnswers(/mutation PushTask/, 2);
    await client.edit(id, { title: 'Tar' });
    const made = await client.create({ projectId: world.project, title: 'Sand' });
    await until('the answers to be lost', () => client.network.toLose === 0);
    await world.converges();
    expect((await world.rows('task')).filter(({ _deleted }) => !_deleted)).toHaveLength(2);
    expect(await world.task(id)).toMatchObject({ title: 'Tar' });
    expect(await world.task(made)).toMatchObject({ title: 'Sand' });
    const { data } = await world.ask('{ syncConflicts { nodes { id } } }', {});
    expect((data?.syncConflicts as { nodes: unknown[] }).nodes).toEqual([]);
  });

  test('an edit of somebody else survives the repetition of one whose answer was lost', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    client.network.loseAnswers(/mutation PushTask/);
    await client.edit(id, { title: 'Tar' });
    await until('the answer to be lost', () => client.network.toLose === 0);
    client.network.cut();
    await world.edit(id, { priority: 9 });
    client.network.restore();
    await world.converges();
    expect(await world.task(id)).toMatchObject({ title: 'Tar', priority: 9 });
  });

  test('pages whose answers are lost are asked for again', async () => {
    const world = await World.begin(start);
    for (let count = 0; count < 12; count += 1) await world.create({ title: `task ${count}` });
    const client = await world.client(kind, { batchSize: 3 });
    client.network.loseAnswers(/query PullTask/, 4);
    await world.converges();
    expect(await client.collections.task.count().exec()).toBe(12);
  });

  test('the server is killed and starts again', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    await world.server.kill();
    await client.edit(id, { title: 'Tar' });
    const made = await client.create({ projectId: world.project, title: 'Sand' });
    await client.hasPending(2);
    await world.server.restart();
    await world.converges();
    expect(await world.task(made)).toMatchObject({ title: 'Sand' });
    // It is followed again.
    await world.edit(id, { title: 'Paint' });
    await client.sees(id, 'Paint');
  });

  test('the page is closed with unsent edits, and opened again', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    client.network.cut();
    await client.edit(id, { title: 'Tar' });
    const made = await client.create({ projectId: world.project, title: 'Sand' });
    await client.hasPending(2);
    await client.close();
    const other = await world.create({ title: 'Oil' });
    await client.open();
    await client.hasPending(2);
    expect((await client.task(id))?.title).toBe('Tar');
    client.network.restore();
    await client.sees(other, 'Oil');
    await world.converges();
    expect(await world.task(made)).toMatchObject({ title: 'Sand' });
  });

  test('the network is away for long, while both sides go on', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    client.network.cut();
    const end = Date.now() + OUTAGE;
    await client.edit(id, { title: 'Tar' });
    const theirs = await world.create({ title: 'Oil' });
    await until('the end of the outage', () => Date.now() > end, OUTAGE + 10_000);
    await client.hasPending(1);
    client.network.restore();
    await client.sees(theirs, 'Oil');
    await world.converges();
    expect(await world.task(id)).toMatchObject({ title: 'Tar' });
    await world.edit(theirs, { title: 'Wax' });
    await client.sees(theirs, 'Wax');
  }, OUTAGE + 60_000);
});
