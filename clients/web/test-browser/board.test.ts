// The demo page in a browser: what is seen live, what survives without a server, and what becomes of
// edits that meet.

import { expect, test } from 'vitest';

import { picture, World } from './harness/world.js';

test('two tabs and two profiles see each other’s edits live', async () => {
  const world = await World.begin();
  const [ann, ben] = [await world.profile(), await world.profile()];
  const first = await ann.tab();
  await first.is('online');
  await picture(first, '01-empty');
  await first.page.getByRole('button', { name: 'Fill in an example' }).click();
  await first.sees('Caulk the deck', 'Doing');
  const [second, far] = [await ann.tab(), await ben.tab()];
  await second.sees('Caulk the deck', 'Doing');
  await far.sees('Caulk the deck', 'Doing');
  await picture(first, '02-example');

  await first.addTask('Varnish the mast');
  await second.sees('Varnish the mast', 'To do');
  await far.sees('Varnish the mast', 'To do');
  await far.move('Varnish the mast', 'Doing');
  await second.sees('Varnish the mast', 'Doing');
  await second.edit('Varnish the mast', { Title: 'Varnish both masts', Priority: '3', Due: '2020-02-29' });
  await first.sees('Varnish both masts', 'Doing');
  await far.sees('Varnish both masts', 'Doing');
  await second.comment('Varnish both masts', 'Ann', 'Three coats.');
  await far.card('Varnish both masts').getByText('1 comment').waitFor();
  await far.remove('Varnish both masts');
  await first.missed('Varnish both masts');
  await second.missed('Varnish both masts');
  for (const tab of [first, second, far]) {
    await tab.hasPending(0);
    expect(tab.faults).toEqual([]);
  }
  expect(await world.rows('Task', 'title')).toHaveLength(5);
});

test('an address without the last slash leads to the page, too', async () => {
  const world = await World.begin();
  const tab = await (await world.profile()).tab();
  await tab.page.goto(new URL('/demo', world.server.url).href);
  await tab.page.waitForURL('**/demo/');
  await tab.isKept();
  expect(tab.faults).toEqual([]);
});
