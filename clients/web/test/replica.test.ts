// What the package adds to RxDB: the inbox, policies, what was refused, the status.

import { randomUUID } from 'node:crypto';
import { firstValueFrom } from 'rxjs';
import { describe, expect, test } from 'vitest';

import type { Conflict, InboxEntry } from '../src/index.js';
import { PackageClient } from './harness/client.js';
import type { Task } from './harness/rows.js';
import { SERVERS } from './harness/server.js';
import { until, untilEqual } from './harness/until.js';
import { World } from './harness/world.js';

/** Two edits of one field: the client's loses. */
async function clash(world: World, client: PackageClient): Promise<string> {
  const id = await world.create({ title: 'Caulk', priority: 1 });
  await client.sees(id, 'Caulk');
  client.network.cut();
  await client.edit(id, { title: 'Tar', priority: 5 });
  await world.edit(id, { title: 'Paint' });
  client.network.restore();
  await client.sees(id, 'Paint');
  return id;
}

describe.each(SERVERS)('%s', (_name, start) => {
  test('a conflict is listed, watched and resolved', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient);
    await client.rests();
    let seen: InboxEntry[] = [];
    const watching = client.replica.conflicts.watch('task').subscribe((open) => (seen = open));
    const id = await clash(world, client);
    await untilEqual('the number of conflicts', () => client.replica.status.conflicts, 1);
    expect(client.rejections).toMatchObject([{ collection: 'task', key: id, code: 'CONFLICT', sent: { title: 'Tar' } }]);
    const { nodes } = await client.replica.conflicts.list({ status: 'OPEN' });
    expect(nodes).toMatchObject([{ id: client.rejections[0]?.conflictId, client: { title: 'Tar' }, server: { title: 'Paint' } }]);
    await untilEqual('the conflict', () => seen.map(({ id }) => id), [client.rejections[0]?.conflictId ?? '']);
    await client.replica.conflicts.resolve(nodes[0]?.id ?? '', 'USE_CLIENT');
    await client.sees(id, 'Tar');
    await untilEqual('the number of conflicts', () => client.replica.status.conflicts, 0);
    await untilEqual('no conflict', () => seen, []);
    watching.unsubscribe();
    await world.converges();
  });

  // What is left behind fails as a rejection that nobody handles, which ends the run.
  test('a client that is closed while it begins leaves nothing behind', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient);
    for (let turns = 0; turns < 60; turns += 5) {
      await client.close();
      await client.open();
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    await client.rests();
  });

  test('a policy decides, without anything waiting for it', async () => {
    const world = await World.begin(start);
    const asked: Conflict<Task>[] = [];
    let decide = (_: Task) => {};
    const decided = new Promise<Task>((resolve) => (decide = resolve));
    const conflict = (one: Conflict<Task>) => {
      asked.push(one);
      return decided;
    };
    const client = await world.client(PackageClient, { task: { conflict } });
    const id = await clash(world, client);
    await until('the policy to be asked', () => asked.length === 1);
    expect(asked).toMatchObject([{ key: id, assumed: { title: 'Caulk' }, client: { title: 'Tar' }, server: { title: 'Paint' } }]);
    const made = await client.create({ projectId: world.project, title: 'Sand' });
    await until('another edit to arrive', () => world.task(made));
    decide({ ...(asked[0]?.server as Task), title: 'Tar and paint' });
    await client.sees(id, 'Tar and paint');
    await untilEqual('the number of conflicts', () => client.replica.status.conflicts, 0);
    await world.converges();
  });

  test('where the server leaves conflicts to people, edits of different fields are joined here', async () => {
    const world = await World.begin(start);
    const reported: string[] = [];
    const onConflict = ({ key }: { key: string }) => reported.push(key);
    const client = await world.client(PackageClient, { project: { conflict: 'merge', onConflict } });
    const project = () => client.collections.project.findOne(world.project).exec(true);
    await until('the project', () => client.collections.project.findOne(world.project).exec());
    client.network.cut();
    await (await project()).incrementalPatch({ owner: 'Ada' });
    const [before] = await world.rows('project');
    await world.push('project', { ...before, name: 'Refit II' }, before);
    client.network.restore();
    await untilEqual('the project', async () => [(await project()).name, (await project()).owner], ['Refit II', 'Ada']);
    await untilEqual('the number of conflicts', () => client.replica.status.conflicts, 0);
    expect(reported).toEqual([world.project]);
    await world.converges();
  });

  test('what is refused is reported, with the reason and what was sent', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient);
    await world.push('label', { id: '1', name: 'urgent', _deleted: false });
    await client.rests();
    client.network.cut();
    const orphan = await client.create({ projectId: randomUUID(), title: 'Orphan' });
    const invalid = { id: randomUUID(), projectId: world.project, title: 'Invalid', status: 'unheard-of', priority: 'high' };
    await client.collections.task.insert(invalid as never);
    await client.collections.label.insert({ id: '2', name: 'urgent' });
    client.network.restore();
    await untilEqual('the refusals', () => client.replica.status.rejected, 3);
    const codes = Object.fromEntries(client.rejections.map(({ key, code }) => [key, code]));
    expect(codes).toEqual({ [orphan]: 'CONFLICT', [invalid.id]: 'BAD_INPUT', 2: 'CONFLICT' });
    const { nodes } = await client.replica.conflicts.list({ status: 'REJECTED' });
    expect(nodes.map(({ id }) => id).sort()).toEqual(client.rejections.map(({ conflictId }) => conflictId).sort());
    expect(client.rejections.find(({ key }) => key === orphan)).toMatchObject({ sent: { title: 'Orphan' } });
    await world.converges();
  });

  test('the status follows what happens', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient);
    await client.rests();
    const before = client.replica.status.lastSynced;
    expect(client.replica.status).toMatchObject({ online: true, pending: 0, conflicts: 0, rejected: 0 });
    client.network.cut();
    await untilEqual('the client to be offline', () => client.replica.status.online, false);
    await client.create({ projectId: world.project, title: 'Sand' });
    await client.hasPending(1);
    client.network.restore();
    await client.rests();
    await until('a later time', () => (client.replica.status.lastSynced ?? 0) > (before ?? 0));
    expect(await firstValueFrom(client.replica.status$)).toEqual(client.replica.status);
  });

  test('a field that the server does not know is a problem that is reported', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient);
    await client.rests();
    await client.close();
    const schema = client.schema("task");
    const properties = { ...schema.properties, colour: { type: 'string' } };
    const other = await world.client(PackageClient, { task: { schema: { ...schema, properties } as never } });
    await until('a problem', () => other.replica.status.problem);
    expect(other.replica.status.problem).toMatchObject({ collection: 'task', code: 'BAD_INPUT' });
    // The other collections are not held up.
    await until('the project', () => other.collections.project.findOne(world.project).exec());
    await other.close();
  });

  test('a replica that is destroyed leaves nothing behind', async () => {
    const world = await World.begin(start);
    const client = await world.client(PackageClient);
    const id = await world.create();
    await client.sees(id, 'Caulk');
    client.network.cut();
    await client.replica.destroy();
    await client.open();
    expect(await client.task(id)).toBeUndefined();
    client.network.restore();
    await client.sees(id, 'Caulk');
  });
});
