// Chromium as it is installed here; nothing is downloaded.

import { execFileSync } from 'node:child_process';

import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Where the browser is, or null. */
export const BROWSER = process.env.SEACHANGE_CHROMIUM ?? found();

function found() {
  for (const name of NAMES) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim();
    } catch {
      // The next one.
    }
  }
  return null;
}

/** A page of the server's own, and everything that went wrong in it. */
export async function open(server, options = {}) {
  // Its sandbox does not work for root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath: BROWSER, args });
  server.beforeEnd(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  await page.goto(`http://${server.address}/`);
  return { page, faults };
}
