// Decides when RxDB gets the messages of the stream.
//
// RxDB holds a message back while a push is under way, and applies it afterwards, even if its socket has been
// closed since and a pull has brought something newer. The row and the cursor would then go back to an older
// state, and the next message would move the cursor past what was undone. So messages wait here instead.
// Those of a closed socket are dropped, because the pull that follows has what they had. The others are passed
// on after the pull. They may be older than the pull for a moment, but later messages of the same socket
// correct that, because they are in order and none is missing.

import type { Bulk } from './documents.js';

/** How many messages may wait. If there are more, they are dropped and a pull asks for them. */
const MOST_WAITING = 200;

export class Inflow {
  readonly #pass: (bulk: Bulk) => void;
  readonly #resync: () => void;
  readonly #isPushing: () => boolean;
  #waiting: Bulk[] = [];
  /** True until the first pull has reached the head: before that, messages have nothing to add to. */
  #isPulling = true;
  #willPull = false;

  constructor(pass: (bulk: Bulk) => void, resync: () => void, isPushing: () => boolean) {
    this.#pass = pass;
    this.#resync = resync;
    this.#isPushing = isPushing;
  }

  /** Takes a message that has arrived. */
  arrived(bulk: Bulk): void {
    this.#waiting.push(bulk);
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting = [];
      this.#resync();
    }
    this.flow();
  }

  /** The socket is or may be a new one, so a pull will be requested. */
  missed(): void {
    this.#waiting = [];
  }

  /** RxDB was asked to pull. It drops whatever is passed to it from now until it does. */
  willAsk(): void {
    this.#isPulling = true;
    this.#willPull = true;
  }

  /** A page is about to be requested. */
  asking(): void {
    this.#isPulling = true;
    this.#willPull = false;
  }

  /** The last page has arrived. */
  caughtUp(): void {
    this.#isPulling = this.#willPull;
    this.flow();
  }

  /** Passes on the waiting messages, unless a pull or a push is under way. */
  flow(): void {
    if (this.#isPulling || this.#isPushing()) return;
    for (const bulk of this.#waiting.splice(0)) this.#pass(bulk);
  }
}
