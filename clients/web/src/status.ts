// The status that a page shows. The tab that syncs computes it and sends it to the other tabs.

import { BehaviorSubject, type Observable } from 'rxjs';

import type { Problem } from './sync.js';
import type { Unsent } from './unsent.js';

export interface Status {
  /** Whether the server answered the last request. */
  online: boolean;
  /** Whether rows are being pulled or pushed. */
  syncing: boolean;
  /** The number of edits that the server has not acknowledged. */
  pending: number;
  /** The keys of the documents with such edits, at most 1,000 for each collection. */
  unsent: Record<string, string[]>;
  /** The last time at which all changes of the server were known to be here. */
  lastSynced: Date | null;
  /** The number of open entries in the server's conflict inbox. */
  conflicts: number;
  /** The number of edits that the server has refused since the page was opened; `rejections$` emits each. */
  rejected: number;
  /** What keeps a collection from syncing at the moment. It is tried again. */
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

/** Computes the status of the replica from the states of its collections. */
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

  /** Replaces the status by the one that another tab has sent. */
  replace(status: Status): void {
    this.#status.next(status);
  }

  set(part: Partial<Pick<Status, 'online' | 'conflicts' | 'rejected'>>): void {
    // Changes may have been missed while the server could not be reached.
    if (part.online === false) this.#current.clear();
    this.#change(part);
  }

  pending(collection: string, unsent: Unsent): void {
    this.#pending.set(collection, unsent);
    this.#change({
      pending: [...this.#pending.values()].reduce((sum, { count }) => sum + count, 0),
      unsent: Object.fromEntries([...this.#pending].map(([name, { keys }]) => [name, keys])),
    });
  }

  active(collection: string, is: boolean): void {
    if (is) this.#active.add(collection);
    else this.#active.delete(collection);
    this.#change({ syncing: this.#active.size > 0 });
  }

  upToDate(collection: string): void {
    this.#current.add(collection);
    if (this.#collections.every((name) => this.#current.has(name))) this.#change({ lastSynced: new Date() });
  }

  problem(problem: Problem): void {
    this.#problems.set(`${problem.direction} ${problem.collection}`, problem);
    this.#change({});
  }

  solved(collection: string, direction: Problem['direction']): void {
    if (this.#problems.delete(`${direction} ${collection}`)) this.#change({});
  }

  close(): void {
    this.#status.complete();
  }

  #change(part: Partial<Status>): void {
    const { problem: _, ...before } = this.#status.value;
    const problem = [...this.#problems.values()][0];
    const next: Status = { ...before, ...part, ...(problem ? { problem } : {}) };
    if (JSON.stringify(next) !== JSON.stringify(this.#status.value)) this.#status.next(next);
  }
}
