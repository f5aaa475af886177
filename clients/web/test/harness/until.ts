// Waiting with an end: nothing here sleeps in the hope that something has happened by then.

import { inspect } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds until a test gives up on something that should be there at once. */
export const PATIENCE = Number(process.env.SEACHANGE_PATIENCE_MS ?? 30_000);

/** Asks again and again until there is an answer that is not undefined, null or false. */
export async function until<T>(
  name: string,
  look: () => T | Promise<T>,
  patience = PATIENCE,
): Promise<NonNullable<T>> {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found as NonNullable<T>;
    if (Date.now() > end) throw new Error(`waited in vain for ${name}`);
    await pause(10);
  }
}

/** Waits until two things are the same. */
export async function untilEqual<T>(name: string, look: () => T | Promise<T>, wanted: T, patience = PATIENCE) {
  let last: T | undefined;
  const text = inspect(wanted, { depth: 5 });
  await until(name, async () => inspect((last = await look()), { depth: 5 }) === text, patience).catch((error: Error) => {
    throw new Error(`${error.message}: there is ${inspect(last, { depth: 5 })}, not ${text}`);
  });
}
