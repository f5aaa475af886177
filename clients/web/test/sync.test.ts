// What every client may expect while the server is there, or comes back.

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { untilEqual } from './harness/until.js';
import { PAIRS, World } from './harness/world.js';

describe.each(PAIRS)('%s', (_name, kind, start) => {
  test('the first sync brings every row, page by page', async () => {
    const world = await World.begin(start);
    const label = randomUUID().slice(0, 8);
    const tasks: string[] = [];
    for (let count = 0; count < 25; count += 1) tasks.push(await world.create({ title: `task ${count}` }));
    await world.push('label', { id: '7', name: label, _deleted: false });
    const [task] = tasks;
    await world.push('taskLabel', { id: `${task}|7`, taskId: task, labelId: '7', _deleted: false });
    const client = await world.client(kind, { batchSize: 5 });
    await world.converges();
    expect((await client.collections.taskLabel.findOne(`${task}|7`).exec())?.labelId).toBe('7');
    expect(await client.collections.task.count().exec()).toBe(25);
  });

  test('what others write comes by itself', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    await world.converges();
    const id = await world.create({ title: 'Caulk' });
    await client.sees(id, 'Caulk');
    await world.edit(id, { title: 'Paint', body: 'twice' });
    await client.sees(id, 'Paint');
    await world.edit(id, { body: null });
    await untilEqual('the body', async () => (await client.task(id))?.body ?? null, null);
    await world.edit(id, { _deleted: true });
    await client.sees(id, undefined);
    await world.converges();
  });

  test('two clients share what they write', async () => {
    const world = await World.begin(start);
    const [one, two] = [await world.client(kind), await world.client(kind)];
    const id = await one.create({ projectId: world.project, title: 'Caulk', details: { deep: [1, 'two'] } });
    await two.sees(id, 'Caulk');
    await two.edit(id, { title: 'Paint', estimate: '1.50', dueOn: '2026-12-01' });
    await one.sees(id, 'Paint');
    await one.collections.label.insert({ id: '12', name: randomUUID() });
    await one.collections.taskLabel.insert({ taskId: id, labelId: '12' });
    await untilEqual('the label of the task', () => two.collections.taskLabel.count().exec(), 1);
    await (await two.collections.taskLabel.findOne(`${id}|12`).exec(true)).remove();
    await untilEqual('no label of the task', () => one.collections.taskLabel.count().exec(), 0);
    await world.converges();
  });

  test('edits made offline are sent when the server is there again', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const [kept, gone] = [await world.create(), await world.create()];
    await client.sees(gone, 'Caulk');
    client.network.cut();
    await client.edit(kept, { title: 'Tar' });
    await client.edit(kept, { priority: 3 });
    await client.remove(gone);
    const made = await client.create({ projectId: world.project, title: 'Sand' });
    await client.hasPending(3);
    const other = await world.create({ title: 'Oil' });
    client.network.restore();
    await client.sees(other, 'Oil');
    await world.converges();
    expect(await world.task(kept)).toMatchObject({ title: 'Tar', priority: 3 });
    expect(await world.task(made)).toMatchObject({ title: 'Sand' });
    expect((await world.task(gone))?._deleted ?? true).toBe(true);
  });

  test('edits of different fields are both kept', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create({ title: 'Caulk', priority: 1 });
    await client.sees(id, 'Caulk');
    client.network.cut();
    await client.edit(id, { title: 'Tar' });
    await world.edit(id, { priority: 5 });
    client.network.restore();
    await world.converges();
    expect(await world.task(id)).toMatchObject({ title: 'Tar', priority: 5 });
  });

  test('of two edits of a field the server keeps its own and files the other', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create({ title: 'Caulk' });
    await client.sees(id, 'Caulk');
    client.network.cut();
    await client.edit(id, { title: 'Tar' });
    await world.edit(id, { title: 'Paint' });
    client.network.restore();
    await world.converges();
    expect(await world.task(id)).toMatchObject({ title: 'Paint' });
    const query = '{ syncConflicts(status: OPEN) { nodes { entity client server } } }';
    const { data } = await world.ask(query, {});
    const { nodes } = data?.syncConflicts as { nodes: Record<string, unknown>[] };
    expect(nodes).toHaveLength(1);
    expect(nodes[0]).toMatchObject({ client: { title: 'Tar' }, server: { title: 'Paint' } });
  });

  test('an edit of what somebody else has deleted', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    client.network.cut();
    await client.edit(id, { title: 'Tar' });
    await world.edit(id, { _deleted: true });
    client.network.restore();
    await client.sees(id, undefined);
    await world.converges();
  });

  test('a delete of what somebody else has edited', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    client.network.cut();
    await client.remove(id);
    await world.edit(id, { title: 'Paint' });
    client.network.restore();
    await client.sees(id, 'Paint');
    await world.converges();
  });

  test('deleted and made again under the same key', async () => {
    const world = await World.begin(start);
    const [one, two] = [await world.client(kind), await world.client(kind)];
    const id = await world.create();
    for (const client of [one, two]) await client.sees(id, 'Caulk');
    await one.remove(id);
    await two.sees(id, undefined);
    await two.create({ id, projectId: world.project, title: 'Again' });
    await one.sees(id, 'Again');
    await one.remove(id);
    await one.create({ id, projectId: world.project, title: 'And again' });
    await two.sees(id, 'And again');
    await world.converges();
  });

  test('many edits go in parallel batches', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind, { batchSize: 10 });
    await world.converges();
    client.network.cut();
    const rows = Array.from({ length: 120 }, (_, count) => ({
      id: randomUUID(),
      projectId: world.project,
      title: `task ${count}`,
      status: 'todo',
      priority: count,
    }));
    await client.collections.task.bulkInsert(rows);
    await client.hasPending(120);
    client.network.restore();
    await world.converges();
    expect((await world.rows('task')).length).toBe(120);
  });

  test('in a batch every row has an answer of its own', async () => {
    const world = await World.begin(start);
    const client = await world.client(kind);
    await world.push('label', { id: '1', name: 'urgent', _deleted: false });
    await world.converges();
    client.network.cut();
    const task = { status: 'todo', priority: 0 };
    const valid = await client.create({ projectId: world.project, title: 'Valid' });
    const invalid = { ...task, id: randomUUID(), projectId: world.project, title: 'Invalid', priority: 'high' };
    await client.collections.task.insert(invalid as never);
    const orphan = await client.create({ projectId: randomUUID(), title: 'Orphan' });
    await client.collections.label.bulkInsert([
      { id: '2', name: 'urgent' },
      { id: '3', name: 'later' },
    ]);
    client.network.restore();
    await client.sees(valid, 'Valid');
    await client.sees(invalid.id, undefined);
    await client.sees(orphan, undefined);
    await untilEqual('the labels', async () => (await client.collections.label.find().exec()).map(({ name }) => name), ['urgent', 'later']);
    // The queue has moved on.
    const next = await client.create({ projectId: world.project, title: 'Next' });
    await world.converges();
    expect(await world.task(next)).toMatchObject({ title: 'Next' });
  });
});
