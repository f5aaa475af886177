// Edits that meet: merged by the server, or decided by a person with a click.

import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';

import type { Profile, Tab } from './harness/profile.js';
import { picture, World } from './harness/world.js';

interface Pair {
  world: World;
  ann: Profile;
  ben: Profile;
  near: Tab;
  far: Tab;
}

/** Two people with one project and one task. */
async function pair(): Promise<Pair> {
  const world = await World.begin();
  const [ann, ben] = [await world.profile(), await world.profile({ colorScheme: 'dark' })];
  const [near, far] = [await ann.tab(), await ben.tab()];
  await near.addProject('Refit');
  await near.addTask('Caulk the deck');
  await far.sees('Caulk the deck');
  await near.hasPending(0);
  return { world, ann, ben, near, far };
}

/** Both edit without seeing the other's edit; then the first one's arrives first. */
async function apart({ ann, ben, near, far }: Pair, first: () => Promise<void>, second: () => Promise<void>) {
  for (const [profile, tab] of [[ann, near], [ben, far]] as const) {
    await profile.offline(true);
    await tab.is('offline');
  }
  await first();
  await second();
  await near.hasPending(1);
  await far.hasPending(1);
  await ann.offline(false);
  await near.hasPending(0);
  await ben.offline(false);
  await far.hasPending(0);
}

function entry({ page }: Tab, kind: 'conflict' | 'rejected' = 'conflict'): Locator {
  return page.locator(`.entry.${kind}`);
}

function soundness({ near, far }: Pair): void {
  expect(near.faults).toEqual([]);
  expect(far.faults).toEqual([]);
}

test('edits of different fields are merged', async () => {
  const both = await pair();
  const { world, near, far } = both;
  await apart(
    both,
    () => near.edit('Caulk the deck', { Title: 'Caulk and sand the deck' }),
    () => far.move('Caulk the deck', 'Doing'),
  );
  for (const tab of [near, far]) await tab.sees('Caulk and sand the deck', 'Doing');
  expect(await entry(near).count()).toBe(0);
  expect(await world.rows('Task', 'title status')).toMatchObject([{ title: 'Caulk and sand the deck', status: 'doing' }]);
  soundness(both);
});

test('two names for a project wait for a person, who decides with a click', async () => {
  const both = await pair();
  const { world, near, far } = both;
  await apart(both, () => near.renameProject('Winter refit'), () => far.renameProject('Spring refit'));
  await far.isProject('Winter refit');
  await entry(far).getByText('edited on both sides').waitFor();
  await picture(far, '05-conflict');
  await picture(near, '06-conflict-elsewhere');
  expect(await entry(far).getByRole('columnheader').allTextContents()).toEqual(['Server’s version', 'Your version']);
  expect(await entry(near).getByRole('columnheader').allTextContents()).toEqual(['Server’s version', 'Their version']);
  await entry(far).getByRole('button', { name: 'Use mine' }).click();
  for (const tab of [near, far]) {
    await tab.isProject('Spring refit');
    await entry(tab).waitFor({ state: 'detached' });
  }
  expect(await world.rows('Project', 'name')).toMatchObject([{ name: 'Spring refit' }]);
  soundness(both);
});

test('the server’s version is kept with a click, by whoever decides first', async () => {
  const both = await pair();
  const { world, near, far } = both;
  await apart(both, () => near.renameProject('Winter refit'), () => far.renameProject('Spring refit'));
  await entry(near).getByRole('button', { name: 'Keep server’s' }).click();
  for (const tab of [near, far]) await entry(tab).waitFor({ state: 'detached' });
  await far.isProject('Winter refit');
  expect(await world.rows('Project', 'name')).toMatchObject([{ name: 'Winter refit' }]);
  soundness(both);
});

test('of a task edited on both sides the fields are chosen', async () => {
  const both = await pair();
  const { world, near, far } = both;
  await apart(
    both,
    () => near.edit('Caulk the deck', { Title: 'Caulk the port side', Description: 'With cotton.' }),
    () => far.edit('Caulk the deck', { Title: 'Caulk all of the deck', Owner: 'Ben', Priority: '2' }),
  );
  await far.sees('Caulk the port side');
  const { page } = far;
  await entry(far).getByText('both sides changed “title”').waitFor();
  await far.card('Caulk the port side').getByText('Conflict').waitFor();
  await picture(far, '07-choose-fields');
  const chosen = async (field: string) => entry(far).locator(`[data-field="${field}"] input:checked`).inputValue();
  // Only the server's side changed the description: the edit says nothing of it, and it stays.
  expect(await entry(far).locator('[data-field="body"]').count()).toBe(0);
  expect(await chosen('owner')).toBe('client');
  expect(await chosen('title')).toBe('server');
  await page.getByLabel('title: the edit’s').check();
  await entry(far).getByRole('button', { name: 'Use the merged fields' }).click();
  for (const tab of [near, far]) {
    await tab.sees('Caulk all of the deck');
    await entry(tab).waitFor({ state: 'detached' });
  }
  expect(await world.rows('Task', 'title body owner priority')).toMatchObject([
    { title: 'Caulk all of the deck', body: 'With cotton.', owner: 'Ben', priority: 2 },
  ]);
  soundness(both);
});

test('a deleted task that was edited elsewhere is brought back by a click', async () => {
  const both = await pair();
  const { near, far } = both;
  await apart(both, () => near.remove('Caulk the deck'), () => far.edit('Caulk the deck', { Owner: 'Ben' }));
  await far.missed('Caulk the deck');
  await entry(far).getByText('deleted on the server, edited by the client').waitFor();
  await picture(far, '08-deleted');
  await entry(far).getByRole('button', { name: 'Use mine' }).click();
  for (const tab of [near, far]) await tab.sees('Caulk the deck');
  soundness(both);
});

test('an edit that the server refuses is shown with its reason', async () => {
  const both = await pair();
  const { world, near, far } = both;
  await apart(both, () => near.remove('Caulk the deck'), () => far.comment('Caulk the deck', 'Ben', 'Which side first?'));
  await entry(far, 'rejected').getByText('Which side first?').first().waitFor();
  await picture(far, '09-rejected');
  await entry(far, 'rejected').getByRole('button', { name: 'Try again' }).click();
  await entry(far, 'rejected').getByRole('alert').waitFor();
  await picture(far, '10-rejected-again');
  await entry(far, 'rejected').getByRole('button', { name: 'Give it up' }).click();
  for (const tab of [near, far]) await entry(tab, 'rejected').waitFor({ state: 'detached' });
  expect(await world.rows('Comment', 'body')).toEqual([]);
  soundness(both);
});
