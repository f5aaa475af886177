// Whether the server can be reached.
//
// Guarantees that only a response of the server makes it reachable. What the browser reports about its network
// is a reason to ask the server and never the answer: a machine may be online while the server is away, and the
// other way round.

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

  /** `probe` sends a small request to the server, with a time limit. */
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

  /** Notes that a request was answered. */
  proved(): void {
    this.#pause = FIRST_PAUSE;
    this.#set('yes');
  }

  /** Notes that a request was not answered. Probes after a pause, and again until there is an answer. */
  lost(): void {
    this.#set('no');
    void this.#search();
  }

  /** Something happened that may have changed the state: probes at once. */
  doubt(): void {
    this.#pause = FIRST_PAUSE;
    void this.#search(true);
  }

  /** Waits until there is no reason to believe that the server cannot be reached. */
  async whenReachable(): Promise<void> {
    if (this.state !== 'no') return;
    await firstValueFrom(this.#state.pipe(filter((state) => state !== 'no')));
  }

  /** Ends all waiting. */
  close(): void {
    this.#set('unknown');
    this.#state.complete();
  }

  #set(state: Reachable): void {
    if (this.#state.value !== state) this.#state.next(state);
  }

  async #search(now = false): Promise<void> {
    if (this.#probing) return this.#wake?.();
    this.#probing = true;
    try {
      for (let wait = !now; ; wait = true) {
        // Only a request that is answered resets the pause, not a probe. So a server that answers probes and
        // nothing else is not probed without pause.
        if (wait) await this.#rest();
        if (this.#closed.aborted) return;
        const found = await this.#probe();
        if (this.#closed.aborted) return;
        this.#set(found ? 'yes' : 'no');
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
