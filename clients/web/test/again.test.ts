// Edits that come again: because their answers were lost, or because somebody says the same once more.
//
// `SEACHANGE_TIMES=100` plays the network that comes and goes so often for each pair.

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { PackageClient } from './harness/client.js';
import { until, untilEqual } from './harness/until.js';
import { PAIRS, World } from './harness/world.js';

const TIMES = Number(process.env.SEACHANGE_TIMES ?? 1);

/** What a lost answer may leave old: see the limits in README.md. */
const STAMPS = ['createdAt', 'updatedAt'];

interface Filed {
  status: string;
  client: Record<string, unknown>;
}

async function inbox(world: World): Promise<Filed[]> {
  const { data } = await world.ask('{ syncConflicts(first: 1000) { nodes { status client } } }', {});
  return (data?.syncConflicts as { nodes: Filed[] }).nodes;
}

async function ticked(world: World): Promise<number> {
  return (await world.rows('taskLabel')).filter(({ _deleted }) => !_deleted).length;
}

/** Waits until the clients have heard the echoes of their edits, as a person's pace gives them time to: one that comes
 *  late is seen for a moment. */
async function settled(world: World): Promise<void> {
  await world.converges(STAMPS);
}

describe.each(PAIRS)('%s', (_name, kind, start) => {
  test('an edit after one whose answer was lost is kept', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    for (const [lost, next] of [['Tar', 'Paint'], ['Wax', 'Oil']] as const) {
      client.network.loseAnswers(/mutation PushTask/);
      await client.edit(id, { title: lost });
      await until('the answer to be lost', () => client.network.toLose === 0);
      await client.edit(id, { title: next });
      // The echo of the first may come after the second was sent: then it is seen for a moment.
      await untilEqual('the title', async () => (await world.task(id))?.title, next);
      await settled(world);
      expect((await client.task(id))?.title).toBe(next);
    }
    expect(await inbox(world)).toEqual([]);
  });

  test('an edit is kept though its answer and that of the one before are lost', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    client.network.loseAnswers(/mutation PushTask/);
    await client.edit(id, { title: 'Tar' });
    await until('the answer to be lost', () => client.network.toLose === 0);
    await client.edit(id, { title: 'Paint' });
    client.network.loseAnswers(/mutation PushTask.*Paint/, 2);
    await until('the answers to be lost', () => client.network.toLose === 0);
    await client.edit(id, { title: 'Oil' });
    await world.converges(STAMPS);
    expect(await world.task(id)).toMatchObject({ title: 'Oil' });
    expect(await inbox(world)).toEqual([]);
  });

  test('a box is ticked and unticked as often as one likes', async () => {
    const world = await World.begin(start);
    const [client, other] = [await world.client(kind), await world.client(kind)];
    const id = await world.create();
    await world.push('label', { id: '7', name: randomUUID(), _deleted: false });
    await client.sees(id, 'Caulk');
    const links = () => client.collections.taskLabel;
    for (let count = 0; count < 4; count += 1) {
      await links().insert({ taskId: id, labelId: '7' });
      await untilEqual('the box', () => ticked(world), 1);
      await settled(world);
      await (await links().findOne(`${id}|7`).exec(true)).remove();
      await untilEqual('the box', () => ticked(world), 0);
      await settled(world);
    }
    await world.converges(STAMPS);
    // By one that has heard of it, too.
    await untilEqual('the label', () => other.collections.label.count().exec(), 1);
    await other.collections.taskLabel.insert({ taskId: id, labelId: '7' });
    await untilEqual('the box', () => links().count().exec(), 1);
    await world.converges(STAMPS);
    expect(await inbox(world)).toEqual([]);
  });

  test('a word is changed and changed back', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    for (let count = 0; count < 3; count += 1) {
      for (const status of ['done', 'todo']) {
        if (count === 1) client.network.loseAnswers(/mutation PushTask/);
        await client.edit(id, { status });
        await untilEqual('the status', async () => (await world.task(id))?.status, status);
        await settled(world);
      }
    }
    await world.converges(STAMPS);
    expect(await inbox(world)).toEqual([]);
  });

  test('labels exchange their names offline', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    await world.push('label', { id: '1', name: 'urgent', _deleted: false });
    await world.push('label', { id: '2', name: 'later', _deleted: false });
    const labels = () => client.collections.label;
    await untilEqual('the labels', () => labels().count().exec(), 2);
    client.network.cut();
    for (const [id, name] of [['1', 'for now'], ['2', 'urgent'], ['1', 'later']] as const) {
      await (await labels().findOne(id).exec(true)).incrementalPatch({ name });
    }
    client.network.restore();
    await world.converges();
    const now = (await world.rows('label')).map(({ id, name }) => [id, name]);
    expect(Object.fromEntries(now)).toEqual({ 1: 'later', 2: 'urgent' });
    expect(await inbox(world)).toEqual([]);
  });

  test('a text that is no text holds up its row alone', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    await world.converges();
    client.network.cut();
    const broken = await client.create({ projectId: world.project, title: 'cut \ud83d' });
    const sound = await client.create({ projectId: world.project, title: 'whole \ud83d\ude00' });
    client.network.restore();
    await client.sees(broken, undefined);
    await world.converges();
    expect(await world.task(sound)).toMatchObject({ title: 'whole 😀' });
    expect((await inbox(world)).map(({ status }) => status)).toEqual(['REJECTED']);
    if (client instanceof PackageClient) {
      expect(client.rejections).toMatchObject([{ key: broken, code: 'BAD_INPUT', reason: expect.stringContaining('title') }]);
    }
  });

  test('a key that is no text holds up its row alone', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    await world.converges();
    client.network.cut();
    const broken = await client.create({ id: 'cut \ud83d', projectId: world.project, title: 'cut' });
    const sound = await client.create({ projectId: world.project, title: 'whole' });
    client.network.restore();
    await until('the sound row', () => world.task(sound));
    await until('the edits to be sent', async () => (await client.pending()) === 0);
    expect((await inbox(world)).map(({ status }) => status)).toEqual(['REJECTED']);
    if (!(client instanceof PackageClient)) return;
    await client.sees(broken, undefined);
    expect(client.rejections).toMatchObject([{ key: broken, code: 'BAD_INPUT', sent: { title: 'cut' } }]);
    await world.converges();
  });

  test.each(Array.from({ length: TIMES }, (_, count) => count))('a network that comes and goes, %i', async () => {
    const world = await World.begin(start);
    const [one, two] = [await world.client(kind), await world.client(kind)];
    const id = await world.create();
    await one.sees(id, 'Caulk');
    for (let round = 0; round < 5; round += 1) {
      one.network.cut();
      await one.edit(id, { priority: round + 10 });
      await two.create({ projectId: world.project, title: `round ${round}` });
      one.network.restore();
      await one.create({ projectId: world.project, title: `one ${round}` });
    }
    await world.converges(STAMPS);
    const filed = await inbox(world);
    const task = await world.task(id);
    if (kind === PackageClient) {
      expect(task).toMatchObject({ priority: 14 });
      expect(filed).toEqual([]);
    } else if (task?.priority !== 14) {
      // RxDB sometimes names a stale row as the start of an edit, which no server can know.
      expect(filed.map(({ client }) => client)).toContainEqual(expect.objectContaining({ id, priority: 14 }));
    }
    expect(await world.rows('task')).toHaveLength(11);
  });
});
