// A person's browser, and a tab of it with the board: what can be seen there, and what can be done.

import type { BrowserContext, Locator, Page } from 'playwright-core';

import { until } from '../../test/harness/until.js';

export class Profile {
  readonly context: BrowserContext;
  readonly #url: string;

  constructor(context: BrowserContext, url: string) {
    this.context = context;
    this.#url = url;
  }

  async tab(): Promise<Tab> {
    const tab = new Tab(await this.context.newPage());
    await tab.page.goto(this.#url);
    return tab;
  }

  offline(is: boolean): Promise<void> {
    return this.context.setOffline(is);
  }
}

/** Column names as they are shown. */
export type Column = 'To do' | 'Doing' | 'Done';

/** Whoever does something does it in the tab in front: the browser takes its time with others. */
export class Tab {
  readonly page: Page;
  /** What went wrong in the page itself. A network that is not there is none of these. */
  readonly faults: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.faults.push(error.message));
    page.on('console', (message) => {
      const isNetwork = /Failed to load resource|WebSocket connection|ERR_/.test(message.text());
      if (message.type() === 'error' && !isNetwork) this.faults.push(message.text());
    });
  }

  async is(state: 'online' | 'offline'): Promise<void> {
    await this.page.locator(`#connection[data-state="${state}"]`).waitFor();
  }

  /** Waits until so many edits are pending. */
  async hasPending(count: number): Promise<void> {
    await this.page.locator(`#pending[data-count="${count}"]`).waitFor();
  }

  /** Everything is kept that is needed to open the page again. */
  async isKept(): Promise<void> {
    await this.page.locator('#kept[data-kept="true"]').waitFor();
  }

  card(title: string): Locator {
    return this.page.locator('.card').filter({ has: this.page.getByRole('button', { name: title, exact: true }) });
  }

  async sees(title: string, column?: Column): Promise<void> {
    const place = column ? this.page.getByRole('region', { name: column }) : this.page;
    await place.getByRole('button', { name: title, exact: true }).waitFor();
  }

  async missed(title: string): Promise<void> {
    await this.card(title).waitFor({ state: 'detached' });
  }

  async addProject(name: string): Promise<void> {
    await this.page.bringToFront();
    await this.page.getByRole('button', { name: 'New project' }).first().click();
    await this.page.getByLabel('Name').fill(name);
    await this.page.getByRole('button', { name: 'Create' }).click();
    await this.isProject(name);
  }

  async isProject(name: string): Promise<void> {
    const shown = this.page.locator('#project option:checked');
    await until(`the project ${name}`, async () => (await shown.count()) === 1 && (await shown.textContent()) === name);
  }

  async renameProject(name: string): Promise<void> {
    await this.page.bringToFront();
    await this.page.getByRole('button', { name: 'Edit project' }).click();
    await this.page.getByLabel('Name').fill(name);
    await this.page.getByRole('button', { name: 'Save' }).click();
    await this.isProject(name);
  }

  async addTask(title: string, column: Column = 'To do'): Promise<void> {
    await this.page.bringToFront();
    const field = this.page.getByLabel(`New task in ${column}`);
    await field.fill(title);
    await field.press('Enter');
    await this.sees(title, column);
  }

  async move(title: string, column: Column): Promise<void> {
    await this.page.bringToFront();
    await this.page.getByRole('button', { name: `Move “${title}” to ${column}` }).click();
    await this.sees(title, column);
  }

  /** Opens a card, fills fields by their labels, and saves. */
  async edit(title: string, values: Record<string, string>): Promise<void> {
    const dialog = await this.openTask(title);
    for (const [label, value] of Object.entries(values)) await dialog.getByLabel(label, { exact: true }).fill(value);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  async openTask(title: string): Promise<Locator> {
    await this.page.bringToFront();
    await this.page.getByRole('button', { name: title, exact: true }).click();
    return this.page.getByRole('dialog', { name: 'Task' });
  }

  async comment(title: string, author: string, body: string): Promise<void> {
    const dialog = await this.openTask(title);
    await dialog.getByLabel('Your name').fill(author);
    await dialog.getByLabel('Comment', { exact: true }).fill(body);
    await dialog.getByRole('button', { name: 'Add the comment' }).click();
    await dialog.getByText(body, { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
  }

  async remove(title: string): Promise<void> {
    const dialog = await this.openTask(title);
    this.page.once('dialog', (question) => void question.accept());
    await dialog.getByRole('button', { name: 'Delete the task' }).click();
    await this.missed(title);
  }
}
