// The page in the hands of people: by keyboard, by mouse, on a phone.

import { expect, test } from 'vitest';

import type { Tab } from './harness/profile.js';
import { picture, World } from './harness/world.js';

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

async function fits({ page }: Tab): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
}

test('everything can be done by keyboard', async () => {
  const world = await World.begin();
  const tab = await (await world.profile()).tab();
  const { page } = tab;
  await tab.addProject('Refit');
  await page.getByLabel('New task in To do').focus();
  await page.keyboard.type('Caulk the deck');
  await page.keyboard.press('Enter');
  await tab.sees('Caulk the deck');
  await page.getByRole('button', { name: 'Move “Caulk the deck” to Doing' }).focus();
  await page.keyboard.press('Enter');
  await tab.sees('Caulk the deck', 'Doing');
  await page.getByText('“Caulk the deck” is in Doing now.').waitFor({ state: 'attached' });
  // The focus went along: Enter opens the card.
  await page.locator('.card .title:focus').waitFor();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Task' });
  await dialog.getByLabel('Title').focus();
  await page.keyboard.press('End');
  await page.keyboard.type(' again');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  await tab.sees('Caulk the deck again', 'Doing');
  expect(tab.faults).toEqual([]);
});

test('cards are dragged between columns', async () => {
  const world = await World.begin();
  const tab = await (await world.profile()).tab();
  await tab.addProject('Refit');
  await tab.addTask('Caulk the deck');
  await tab.card('Caulk the deck').dragTo(tab.page.getByRole('region', { name: 'Done' }));
  await tab.sees('Caulk the deck', 'Done');
  expect(tab.faults).toEqual([]);
});

test('what somebody types is not lost to what others save meanwhile', async () => {
  const world = await World.begin();
  const [near, far] = [await (await world.profile()).tab(), await (await world.profile()).tab()];
  await near.addProject('Refit');
  await near.addTask('Caulk the deck');
  await far.sees('Caulk the deck');
  const dialog = await near.openTask('Caulk the deck');
  await dialog.getByLabel('Title').fill('Caulk the port side');
  await far.edit('Caulk the deck', { Title: 'Caulk the bow', Owner: 'Ben' });
  await dialog.getByText('Somebody else has changed “title” meanwhile').waitFor();
  expect(await dialog.getByLabel('Title').inputValue()).toBe('Caulk the port side');
  expect(await dialog.getByLabel('Owner').inputValue()).toBe('Ben');
  await picture(near, '11-edited-elsewhere');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await far.sees('Caulk the port side');
  expect(await world.rows('Task', 'title owner')).toMatchObject([{ title: 'Caulk the port side', owner: 'Ben' }]);
});

test.each(['light', 'dark'] as const)('on a phone nothing is cut off, %s', async (colorScheme) => {
  const world = await World.begin();
  const profile = await world.profile({ ...PHONE, colorScheme });
  const tab = await profile.tab();
  await tab.is('online');
  await fits(tab);
  await tab.page.getByRole('button', { name: 'Fill in an example' }).click();
  await tab.sees('Haul out', 'Done');
  await tab.hasPending(0);
  await tab.addTask('A task whose title is Donaudampfschifffahrtsgesellschaftskapitänswitwenrente');
  await tab.edit('Caulk the deck', { Due: '2020-02-29', Owner: 'Mara' });
  await tab.hasPending(0);
  await tab.isKept();
  await fits(tab);
  await picture(tab, `12-phone-${colorScheme}`);
  await profile.offline(true);
  await tab.is('offline');
  await tab.move('Check the anchor chain', 'Doing');
  await tab.hasPending(1);
  await fits(tab);
  await picture(tab, `13-phone-offline-${colorScheme}`);
  await profile.offline(false);
  await tab.hasPending(0);
  const [project] = await world.rows('Project', 'id name archived');
  const rows = [{ assumedMasterState: { ...project, name: 'Refitting' }, newDocumentState: { ...project, name: 'Winter refit' } }];
  await world.ask('mutation($rows: [ProjectInputPushRow!]) { pushProject(projectPushRow: $rows) { id } }', { rows });
  await tab.page.locator('.entry.conflict').waitFor();
  await fits(tab);
  await picture(tab, `14-phone-conflict-${colorScheme}`);
  const dialog = await tab.openTask('Caulk the deck');
  await dialog.getByText('Port side is finished.').waitFor();
  await fits(tab);
  expect(await dialog.boundingBox()).toMatchObject({ x: 0, y: 0, width: PHONE.viewport.width });
  await tab.page.setViewportSize({ width: 360, height: 1300 });
  await picture(tab, `15-phone-card-${colorScheme}`);
  expect(tab.faults).toEqual([]);
});
