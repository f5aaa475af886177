// The README's "Five minutes", as written: a new Vite project whose page, of another origin than the
// server's, has the server's tables, with and without the server.

import { expect, test } from 'vitest';

import { untilEqual } from '../test/harness/until.js';
import { build, dev, follow } from './harness/project.js';
import { World } from './harness/world.js';

test('a new project on another port', { timeout: 300_000 }, async () => {
  const world = await World.begin();
  const project = await follow(world.server.url);
  await build(project);
  const address = await dev(project);
  expect(new URL(address).origin).not.toBe(new URL(world.server.url).origin);

  const { context } = await world.profile();
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(address);
  const says = (text: string) => page.locator('output', { hasText: text }).waitFor();
  const tasks = () => page.locator('li').count();
  await says('online, 0 edits to send, 0 conflicts');
  await page.getByRole('button').click();
  await untilEqual('the task here', tasks, 1);
  await untilEqual('the task there', async () => (await world.rows('Task', 'title')).map(({ title }) => title), ['Caulk']);

  // Changes of others arrive by the socket.
  const id = (await world.rows('Project', 'id'))[0]?.id;
  await world.ask('mutation ($id: String!) { taskCreateOne(data: { projectId: $id, title: "Tar" }) { id } }', { id });
  await page.getByText('Tar').waitFor();

  await world.server.kill();
  await says('offline');
  await page.getByRole('button').click();
  await untilEqual('the second task here', tasks, 3);
  await page.reload();
  await untilEqual('all of it after a reload', tasks, 3);
  await world.server.restart();
  await says('online, 0 edits to send, 0 conflicts');
  await untilEqual('all of it there', async () => (await world.rows('Task', 'title')).length, 3);
  expect(faults).toEqual([]);
});
