// Without a network, and without a server.

import { expect, test } from 'vitest';

import { picture, World } from './harness/world.js';

test('edits made offline survive a reload, and arrive afterwards', async () => {
  const world = await World.begin();
  const [ann, ben] = [await world.profile(), await world.profile()];
  const [near, beside, far] = [await ann.tab(), await ann.tab(), await ben.tab()];
  await near.addProject('Refit');
  await near.addTask('Caulk the deck');
  await near.addTask('Haul out');
  await far.sees('Haul out');
  await near.hasPending(0);
  await near.isKept();

  await ann.offline(true);
  await near.is('offline');
  await near.move('Caulk the deck', 'Doing');
  await near.edit('Caulk the deck', { Description: 'Port side first', 'Estimate (hours)': '2.5' });
  await near.addTask('Paint the hull', 'Done');
  await near.comment('Paint the hull', 'Ann', 'Dark blue.');
  await near.remove('Haul out');
  await near.hasPending(4);
  await beside.is('offline');
  await beside.hasPending(4);
  await beside.card('Paint the hull').getByText('Pending').waitFor();
  await picture(near, '03-offline');
  await far.addTask('Grease the winches');

  await near.page.reload();
  await near.is('offline');
  await near.sees('Caulk the deck', 'Doing');
  await near.sees('Paint the hull', 'Done');
  await near.missed('Haul out');
  await near.hasPending(4);
  expect(await near.card('Grease the winches').count()).toBe(0);
  await picture(near, '04-offline-reloaded');

  await ann.offline(false);
  await near.is('online');
  await near.sees('Grease the winches', 'To do');
  await far.sees('Caulk the deck', 'Doing');
  await far.sees('Paint the hull', 'Done');
  await far.card('Paint the hull').getByText('1 comment').waitFor();
  await far.missed('Haul out');
  for (const tab of [near, beside, far]) {
    await tab.hasPending(0);
    expect(await tab.page.locator('.card[data-pending="true"]').count()).toBe(0);
    expect(tab.faults).toEqual([]);
  }
});

test('when the tab that syncs is closed, another sends what is pending', async () => {
  const world = await World.begin();
  const ann = await world.profile();
  const [first, second] = [await ann.tab(), await ann.tab()];
  await first.addProject('Refit');
  await second.isProject('Refit');
  await first.hasPending(0);
  await ann.offline(true);
  await first.is('offline');
  await first.addTask('Caulk the deck');
  await second.addTask('Haul out');
  await second.hasPending(2);
  await first.page.close();
  await second.addTask('Paint the hull');
  await second.hasPending(3);
  await ann.offline(false);
  await second.is('online');
  await second.hasPending(0);
  expect(await world.rows('Task', 'title')).toHaveLength(3);
});

test('a server that was killed and starts again is found, and has everything', async () => {
  const world = await World.begin();
  const [near, far] = [await (await world.profile()).tab(), await (await world.profile()).tab()];
  await near.addProject('Refit');
  await near.addTask('Caulk the deck');
  await far.sees('Caulk the deck');
  await near.hasPending(0);
  await world.server.kill();
  await near.is('offline');
  await far.is('offline');
  await near.move('Caulk the deck', 'Doing');
  await far.addTask('Paint the hull');
  await world.server.restart();
  await near.sees('Paint the hull', 'To do');
  await far.sees('Caulk the deck', 'Doing');
  await near.move('Paint the hull', 'Doing');
  await far.sees('Paint the hull', 'Doing');
  for (const tab of [near, far]) {
    await tab.is('online');
    await tab.hasPending(0);
    expect(tab.faults).toEqual([]);
  }
});

test('a page that was closed offline opens offline', async () => {
  const world = await World.begin();
  const ann = await world.profile();
  const tab = await ann.tab();
  await tab.addProject('Refit');
  await tab.addTask('Caulk the deck');
  await tab.hasPending(0);
  await tab.isKept();
  await world.server.kill();
  await tab.is('offline');
  await tab.addTask('Paint the hull');
  await tab.hasPending(1);
  await tab.page.close();

  const again = await ann.tab();
  await again.is('offline');
  await again.sees('Caulk the deck');
  await again.sees('Paint the hull');
  await again.hasPending(1);
  await again.addTask('Haul out');
  await world.server.restart();
  await again.is('online');
  await again.hasPending(0);
  const titles = (await world.rows('Task', 'title')).map(({ title }) => title);
  expect(titles.sort()).toEqual(['Caulk the deck', 'Haul out', 'Paint the hull']);
  expect(again.faults).toEqual([]);
});

test('a task with comments that is deleted offline is gone everywhere', async () => {
  const world = await World.begin();
  const [ann, ben] = [await world.profile(), await world.profile()];
  const [near, far] = [await ann.tab(), await ben.tab()];
  await near.addProject('Refit');
  await near.addTask('Caulk the deck');
  await near.comment('Caulk the deck', 'Ann', 'Port side first.');
  await far.card('Caulk the deck').getByText('1 comment').waitFor();
  await near.hasPending(0);
  await near.isKept();
  await ann.offline(true);
  await near.is('offline');
  await near.remove('Caulk the deck');
  await near.page.reload();
  await near.missed('Caulk the deck');
  await ann.offline(false);
  await far.missed('Caulk the deck');
  await near.hasPending(0);
  expect(await world.rows('Task', 'title')).toEqual([]);
  expect(await world.rows('Comment', 'body')).toEqual([]);
  expect(await near.page.locator('.entry').count()).toBe(0);
});
