// Whether the server can be reached.
//
// Guarantees: only an answer of the server makes it reachable. What the browser says of its network is a
// reason to ask, never an answer: a machine may be online and the server away, and the other way round.

import { BehaviorSubject, filter, firstValueFrom, fromEvent, merge, takeUntil } from 'rxjs';

export type Reachable = 'unknown' | 'yes' | 'no';

/** Milliseconds until the first attempt after a failure. It doubles up to the retry time. */
const FIRST_PAUSE = 200;

export class Reach {
  readonly #state = new BehaviorSubject<Reachable>('unknown');
  readonly #probe: () => Promise<boolean>;
  readonly #longest: number;
  readonly #closed: AbortSignal;
  #pause = FIRST_PAUSE;
  #probing = false;

  /** `probe` asks the server something small, within a time of its own. */
  constructor(probe: () => Promise<boolean>, longestPause: number, closed: AbortSignal) {
    this.#probe = probe;
    this.#longest = longestPause;
    this.#closed = closed;
    if (typeof window !== 'undefined') {
      merge(fromEvent(window, 'online'), fromEvent(window, 'offline'))
        .pipe(takeUntil(fromEvent(closed, 'abort')))
        .subscribe(() => this.doubt());
    }
  }

  get state(): Reachable {
    return this.#state.value;
  }

  get state$() {
    return this.#state.asObservable();
  }

  /** A request was answered. */
  proved(): void {
    this.#pause = FIRST_PAUSE;
    this.#tell('yes');
  }

  /** A request was not answered. Asks again after a pause, until there is an answer. */
  lost(): void {
    this.#tell('no');
    void this.#search();
  }

  /** Something happened that may have changed it: asks at once. */
  doubt(): void {
    this.#pause = FIRST_PAUSE;
    void this.#search(true);
  }

  /** Waits until there is no reason to believe that it cannot be reached. */
  async whenReachable(): Promise<void> {
    if (this.state !== 'no') return;
    await firstValueFrom(this.#state.pipe(filter((state) => state !== 'no')));
  }

  /** Nobody waits for anything any more. */
  close(): void {
    this.#tell('unknown');
    this.#state.complete();
  }

  #tell(state: Reachable): void {
    if (this.#state.value !== state) this.#state.next(state);
  }

  async #search(now = false): Promise<void> {
    if (this.#probing) return this.#wake?.();
    this.#probing = true;
    try {
      for (let wait = !now; ; wait = true) {
        // A probe that succeeds does not reset the pause: only a request does, so that a server which
        // answers probes and nothing else is not asked without end.
        if (wait) await this.#rest();
        if (this.#closed.aborted) return;
        const found = await this.#probe();
        if (this.#closed.aborted) return;
        this.#tell(found ? 'yes' : 'no');
        if (found) return;
      }
    } finally {
      this.#probing = false;
    }
  }

  #wake: (() => void) | undefined;

  #rest(): Promise<void> {
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, this.#longest);
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#closed.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, pause);
      this.#closed.addEventListener('abort', done);
      this.#wake = done;
    });
  }
}
