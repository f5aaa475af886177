// Rows and pages that are more than the server reads or answers at once: they hold up nothing and nobody.

import { describe, expect, test } from 'vitest';

import { PackageClient } from './harness/client.js';
import { until, untilEqual } from './harness/until.js';
import { PAIRS, World } from './harness/world.js';

/** Milliseconds: rows of nine megabytes take their time on a busy machine. */
const PATIENCE = 180_000;

const TOO_LONG = 'x'.repeat(9 * 1024 * 1024);

describe.each(PAIRS.filter(([, kind]) => kind === PackageClient))('%s', (_name, _kind, start) => {
  test('a row that the server does not read waits alone, and is sent when it is small enough', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient);
    const edited = await world.create();
    await client.sees(edited, 'Caulk');
    client.network.cut();
    const before = await client.create({ projectId: world.project, title: 'before' });
    const large = await client.create({ projectId: world.project, title: 'large', body: TOO_LONG });
    await client.edit(edited, { body: TOO_LONG });
    const after = await client.create({ projectId: world.project, title: 'after' });
    client.network.restore();
    await until('the others to be sent', async () => (await world.task(before)) && (await world.task(after)));
    await untilEqual('the rejections', () => client.rejections.length, 2);
    expect(client.rejections.map(({ key, code }) => [key, code])).toEqual(
      [large, edited].map((key) => [key, 'LIMIT_EXCEEDED']),
    );
    const waiting = [large, edited].toSorted();
    await untilEqual('what waits', () => client.replica.status.unsent.task?.toSorted(), waiting);
    expect(client.replica.status.pending).toBe(2);
    expect(await world.task(large)).toBeUndefined();

    // What others write is not put over it, and does not hide that it waits; nor does a new page, or all anew.
    await world.edit(edited, { priority: 7 });
    const other = await world.create();
    await client.sees(other, 'Caulk');
    await client.close();
    await client.open();
    client.replica.rebuild();
    const last = await world.create();
    await client.sees(last, 'Caulk');
    expect((await client.task(edited))?.body?.length).toBe(TOO_LONG.length);
    expect((await client.task(large))?.title).toBe('large');
    await untilEqual('what waits', () => client.replica.status.unsent.task?.toSorted(), waiting);

    // Smaller, each is what it always was: a new row, and an edit of a row that has moved on.
    await client.edit(large, { body: 'short' });
    await until('the row to be sent', () => world.task(large));
    await client.edit(edited, { body: 'short' });
    await world.converges();
    expect(await world.task(edited)).toMatchObject({ priority: 7, body: 'short' });
    const { data } = await world.ask('{ syncConflicts(first: 10) { nodes { client } } }', {});
    expect(data?.syncConflicts).toEqual({ nodes: [] });
    await untilEqual('what waits', () => client.replica.status.pending, 0);
  }, PATIENCE);

  test('a page that is more than one answer is asked for in smaller ones', async () => {
    const world = await World.begin(() => start({ answerBytes: 100_000 }));
    const body = 'y'.repeat(10_000);
    for (let count = 0; count < 30; count += 1) await world.create({ body });
    const client = await world.client(PackageClient);
    await untilEqual('the tasks', () => client.collections.task.count().exec(), 30);
    await client.rests();
    expect(client.replica.status.problem).toBeUndefined();
    // A page that is full goes on, one that is not ends: the last task comes by either.
    const last = await world.create({ body });
    client.replica.rebuild();
    await client.sees(last, 'Caulk');
    await client.rests();
    expect(await client.collections.task.count().exec()).toBe(31);
  });
});
