// Several tabs on one database: one of them syncs, all show the same. In RxDB's development mode, which
// lets one process open a database twice, and checks schemas and documents as well.

import 'fake-indexeddb/auto';

import { randomUUID } from 'node:crypto';

import { addRxPlugin, type RxStorage } from 'rxdb';
import { RxDBDevModePlugin, disableWarnings } from 'rxdb/plugins/dev-mode';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';
import { wrappedValidateAjvStorage } from 'rxdb/plugins/validate-ajv';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';

import { fetchSchemas } from './harness/client.js';
import { openReplica, type Rejection, type Replica } from '../src/index.js';
import type { Project, Task } from './harness/rows.js';
import { until, untilEqual } from './harness/until.js';
import { ModelServer } from './model/server.js';

disableWarnings();
addRxPlugin(RxDBDevModePlugin);
const storage = wrappedValidateAjvStorage({ storage: getRxStorageDexie() }) as RxStorage<unknown, unknown>;

type Board = { project: Project; task: Task };

async function tab(url: string, name: string): Promise<Replica<Board>> {
  const schemas = await fetchSchemas(url);
  const replica = await openReplica<Board>({
    url,
    name,
    webSocket: WebSocket,
    retryTime: 100,
    multiInstance: true,
    storage,
    collections: {
      project: { entity: 'Project', schema: schemas.get('Project') as never },
      task: { entity: 'Task', schema: schemas.get('Task') as never },
    },
    database: { ignoreDuplicate: true },
  });
  onTestFinished(async () => {
    if (!replica.database.closed) await replica.close();
  });
  return replica;
}

test('one tab syncs for all, and when it is closed another takes over', async () => {
  const server = await new ModelServer().start();
  onTestFinished(() => server.stop());
  const name = `tabs-${randomUUID()}`;
  const one = await tab(server.url, name);
  await until('the first to be online', () => one.status.online);
  const two = await tab(server.url, name);
  await untilEqual('the status of the second', () => two.status.online, true);

  // What the second writes the first sends, and the second knows.
  const id = randomUUID();
  await two.collections.project.insert({ id, name: 'Refit' });
  await until('the project to arrive', () => server.tables.get('Project', id));
  await until('both to know', () => [one, two].every(({ status }) => status.pending === 0 && !status.syncing));
  await until('it in the first', async () => (await one.collections.project.findOne(id).exec())?.name === 'Refit');

  // What is refused is reported in both.
  const refused: Rejection[] = [];
  two.rejections$.subscribe((rejection) => refused.push(rejection));
  const task = { id: randomUUID(), projectId: id, status: 'todo', priority: 0 };
  await two.collections.task.insert({ ...task, title: 'forbidden' });
  await until('the refusal', () => refused.length > 0);
  expect(refused).toMatchObject([{ collection: 'task', code: 'FORBIDDEN' }]);

  // Any JSON passes the schema, and so do the tombstones.
  const details = [[1, { deep: null }], 'text', 2, { of: ['things'] }];
  const made = details.map((one) => ({ ...task, id: randomUUID(), title: 'Sand', details: one }));
  await two.collections.task.bulkInsert(made);
  await untilEqual('the details', () => made.map((one) => server.tables.get('Task', one.id)?.details), details);
  await two.collections.task.find().remove();
  await until('the tombstones', () => made.every((one) => server.tables.get('Task', one.id)?._deleted));

  await one.close();
  await server.stop();
  const other = randomUUID();
  await two.collections.project.insert({ id: other, name: 'Launch' });
  await server.start();
  await until('the other project to arrive', () => server.tables.get('Project', other));
  await until('the second to be up to date', () => two.status.pending === 0 && two.status.online);
});
