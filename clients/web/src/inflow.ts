// When RxDB gets what the stream brings.
//
// RxDB holds a message back while a push is under way, and then takes it for news, even if it came by a
// socket that has since been closed and a pull has brought something newer: the row, and with it the
// cursor, would go back to what they were, and the next message would carry the cursor past what was
// undone. So messages wait here instead: those of a closed socket are dropped, as the pull that follows
// has what they had, and the others go after the pull. What is then old for a moment, later messages of
// the same socket put right: they are in order, and none is missing.

import type { Bulk } from './documents.js';

/** Messages that wait; beyond, they are dropped and asked for later. */
const MOST_WAITING = 200;

export class Inflow {
  readonly #pass: (bulk: Bulk | 'resync') => void;
  readonly #isPushing: () => boolean;
  #waiting: (Bulk | 'resync')[] = [];
  /** Until the first pull has reached the head there is nothing to add to. */
  #isPulling = true;

  constructor(pass: (bulk: Bulk | 'resync') => void, isPushing: () => boolean) {
    this.#pass = pass;
    this.#isPushing = isPushing;
  }

  /** A message has come. */
  arrived(bulk: Bulk): void {
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(bulk);
    else this.#waiting = ['resync'];
    this.flow();
  }

  /** The socket is another one, or may be: a pull will be asked for. */
  missed(): void {
    this.#waiting = [];
  }

  /** A page is about to be asked for. */
  asking(): void {
    this.#isPulling = true;
  }

  /** The last page has come. */
  caughtUp(): void {
    this.#isPulling = false;
    this.flow();
  }

  /** Passes on what has waited, if nothing is in its way. */
  flow(): void {
    if (this.#isPulling || this.#isPushing()) return;
    for (const bulk of this.#waiting.splice(0)) this.#pass(bulk);
  }
}
