import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

// One file at a time: each has a server and a browser.
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('.', import.meta.url)),
    include: ['*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
