import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';

import { Client } from './harness/client.js';
import { ModelServer } from './model/server.js';

test('two clients share what they write', async () => {
  const server = await new ModelServer().start();
  onTestFinished(() => server.stop());
  const one = await Client.open(server.url);
  const project = randomUUID();
  await one.replica.collections.project.insert({ id: project, name: 'Refit' });
  await one.settled();
  const id = randomUUID();
  await one.replica.collections.task.insert({ id, projectId: project, title: 'Caulk', priority: 1 });
  await one.settled();
  const two = await Client.open(server.url);
  await two.sees(id, 'Caulk');
  await two.edit(id, { title: 'Paint' });
  await one.sees(id, 'Paint');
  await two.settled();
  console.log(await one.task(id), one.replica.status);
  await server.stop();
  await one.edit(id, { title: 'Tar' });
  await one.pending(1);
  await one.close();
  await one.reopen();
  await one.pending(1);
  await server.start();
  await two.sees(id, 'Tar');
  await one.settled();
  await one.remove(id);
  await two.sees(id, undefined);
  expect(server.tables.get('Task', id)?._deleted).toBe(true);
});
