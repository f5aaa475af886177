// How things stand, as a page shows it: put together in the tab that syncs, told to the others.

import { BehaviorSubject, type Observable } from 'rxjs';

import type { Problem } from './sync.js';
import type { Unsent } from './unsent.js';

export interface Status {
  /** The server answered last time. */
  online: boolean;
  /** Rows are on their way. */
  syncing: boolean;
  /** Edits that the server has not acknowledged. */
  pending: number;
  /** The keys of the documents with such edits, by collection; of each at most 1,000. */
  unsent: Record<string, string[]>;
  /** When all of the server's changes were last known to be here. */
  lastSynced: Date | null;
  /** Open entries of the server's conflict inbox. */
  conflicts: number;
  /** Edits that the server refused since the page was opened; `rejections$` has each. */
  rejected: number;
  /** What keeps a collection from syncing; it is tried again. */
  problem?: Problem;
}

export const UNKNOWN: Status = {
  online: false,
  syncing: false,
  pending: 0,
  unsent: {},
  lastSynced: null,
  conflicts: 0,
  rejected: 0,
};

/** The parts of each collection, and the whole. */
export class Board {
  readonly #status = new BehaviorSubject<Status>(UNKNOWN);
  readonly #pending = new Map<string, Unsent>();
  readonly #active = new Set<string>();
  readonly #current = new Set<string>();
  readonly #problems = new Map<string, Problem>();
  readonly #collections: readonly string[];

  constructor(collections: readonly string[]) {
    this.#collections = collections;
  }

  get status$(): Observable<Status> {
    return this.#status.asObservable();
  }

  get status(): Status {
    return this.#status.value;
  }

  /** What another tab tells. */
  replace(status: Status): void {
    this.#status.next(status);
  }

  set(part: Partial<Pick<Status, 'online' | 'conflicts' | 'rejected'>>): void {
    // Who was away may have missed something.
    if (part.online === false) this.#current.clear();
    this.#tell(part);
  }

  pending(collection: string, unsent: Unsent): void {
    this.#pending.set(collection, unsent);
    this.#tell({
      pending: [...this.#pending.values()].reduce((sum, { count }) => sum + count, 0),
      unsent: Object.fromEntries([...this.#pending].map(([name, { keys }]) => [name, keys])),
    });
  }

  active(collection: string, is: boolean): void {
    if (is) this.#active.add(collection);
    else this.#active.delete(collection);
    this.#tell({ syncing: this.#active.size > 0 });
  }

  upToDate(collection: string): void {
    this.#current.add(collection);
    if (this.#collections.every((name) => this.#current.has(name))) this.#tell({ lastSynced: new Date() });
  }

  problem(problem: Problem): void {
    this.#problems.set(`${problem.direction} ${problem.collection}`, problem);
    this.#tell({});
  }

  solved(collection: string, direction: Problem['direction']): void {
    if (this.#problems.delete(`${direction} ${collection}`)) this.#tell({});
  }

  close(): void {
    this.#status.complete();
  }

  #tell(part: Partial<Status>): void {
    const { problem: _, ...before } = this.#status.value;
    const problem = [...this.#problems.values()][0];
    const next: Status = { ...before, ...part, ...(problem ? { problem } : {}) };
    if (JSON.stringify(next) !== JSON.stringify(this.#status.value)) this.#status.next(next);
  }
}
