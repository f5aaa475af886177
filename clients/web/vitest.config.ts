import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 2, onUnhandledError: notOfRxdb },
});

/** RxDB's GraphQL replication disposes of its socket without waiting; one that is connecting then rejects. */
function notOfRxdb(error: object): false | undefined {
  const inner = (error as { error?: { message?: string } }).error;
  return /ECONN(RESET|REFUSED)|socket hang up/.test(inner?.message ?? '') ? false : undefined;
}
