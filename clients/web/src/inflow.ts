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
  readonly #pass: (bulk: Bulk) => void;
  readonly #resync: () => void;
  readonly #isPushing: () => boolean;
  #waiting: Bulk[] = [];
  /** Until the first pull has reached the head there is nothing to add to. */
  #isPulling = true;
  #willPull = false;

  constructor(pass: (bulk: Bulk) => void, resync: () => void, isPushing: () => boolean) {
    this.#pass = pass;
    this.#resync = resync;
    this.#isPushing = isPushing;
  }

  /** A message has come. */
  arrived(bulk: Bulk): void {
    this.#waiting.push(bulk);
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting = [];
      this.#resync();
    }
    this.flow();
  }

  /** The socket is another one, or may be: a pull will be asked for. */
  missed(): void {
    this.#waiting = [];
  }

  /** RxDB was told to pull. It drops what is passed to it from now until it does. */
  willAsk(): void {
    this.#isPulling = true;
    this.#willPull = true;
  }

  /** A page is about to be asked for. */
  asking(): void {
    this.#isPulling = true;
    this.#willPull = false;
  }

  /** The last page has come. */
  caughtUp(): void {
    this.#isPulling = this.#willPull;
    this.flow();
  }

  /** Passes on what has waited, if nothing is in its way. */
  flow(): void {
    if (this.#isPulling || this.#isPushing()) return;
    for (const bulk of this.#waiting.splice(0)) this.#pass(bulk);
  }
}
