// The built server, which serves the demo, and browsers with profiles of their own.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

import { SERVERS, type Server } from '../../test/harness/server.js';
import { Profile } from './profile.js';

/** Where to put pictures of the pages, if anybody wants to see them. */
const PICTURES = process.env.SEACHANGE_PICTURES;

export class World {
  readonly server: Server;
  readonly #browser: Browser;

  private constructor(server: Server, browser: Browser) {
    this.server = server;
    this.#browser = browser;
  }

  /** Ends with the test; the server then looks whether its log and its tables agree. */
  static async begin(): Promise<World> {
    const start = SERVERS.find(([name]) => name === 'the application')?.[1];
    if (!start) throw new Error('the application is not built');
    const server = await start();
    onTestFinished(() => server.finish());
    // Its sandbox does not work for root.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const executablePath = process.env.SEACHANGE_CHROMIUM ?? 'chromium';
    const browser = await chromium.launch({ executablePath, args });
    // Before the server: what is registered last is done first.
    onTestFinished(() => browser.close());
    return new World(server, browser);
  }

  /** A browser of its own, as far as pages can see: with its own database and its own network. */
  async profile(options: BrowserContextOptions = {}): Promise<Profile> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    return new Profile(context, new URL('/demo/', this.server.url).href);
  }

  /** One operation, asked of the server directly. */
  async ask<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const response = await fetch(this.server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: T; errors?: unknown };
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** Rows as a new client gets them. */
  async rows(entity: string, fields: string): Promise<Record<string, unknown>[]> {
    const query = `{ pull${entity}(limit: 1000) { documents { ${fields} _deleted } } }`;
    const data = await this.ask<Record<string, { documents: Record<string, unknown>[] }>>(query);
    return (data[`pull${entity}`]?.documents ?? []).filter((row) => !row._deleted);
  }
}

export async function picture(tab: { page: Page }, name: string): Promise<void> {
  if (!PICTURES) return;
  await mkdir(PICTURES, { recursive: true });
  await tab.page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}
