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

/** A name that is not this machine's, though the browser is told that it is. */
const FOREIGN = 'elsewhere.test';

/**
 * A page of the server's own, and everything that went wrong in it; `foreign` opens it as if DNS led
 * another site's name here.
 */
export async function open(server, { foreign = false, ...options } = {}) {
  const args = [`--host-resolver-rules=MAP ${FOREIGN} 127.0.0.1`];
  // Its sandbox does not work for root.
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  const browser = await chromium.launch({ executablePath: BROWSER, args });
  server.beforeEnd(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  const { host, port } = new URL(`http://${server.address}`);
  await page.goto(`http://${foreign ? `${FOREIGN}:${port}` : host}/`);
  return { page, faults };
}
