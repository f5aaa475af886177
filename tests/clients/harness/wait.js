// Waiting with an end: nothing here sleeps in the hope that something has happened by then.

import { inspect } from 'node:util';

/** Milliseconds until a test gives up on something that should be there at once. */
export const PATIENCE = 30_000;

/** The outcome of `promise`, or an error after so many milliseconds. */
export async function within(milliseconds, promise, name) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${name}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What has arrived, in order, for someone who waits for more of it. */
export class Inbox {
  items = [];
  #waiting = new Set();

  push(item) {
    this.items.push(item);
    for (const look of this.#waiting) look();
  }

  /** Waits until so many items are there, and returns them all. */
  async holds(count, patience = PATIENCE) {
    await this.until((items) => items.length >= count, patience);
    return this.items;
  }

  async until(isEnough, patience = PATIENCE) {
    let look;
    const enough = new Promise((resolve) => {
      look = () => isEnough(this.items) && resolve();
      this.#waiting.add(look);
      look();
    });
    const name = () => `there are ${inspect(this.items.slice(-3), { depth: 1 })}`;
    await within(patience, enough, 'the inbox')
      .catch((error) => Promise.reject(new Error(`${error.message}: ${name()}`)))
      .finally(() => this.#waiting.delete(look));
  }
}
