// Deletes tasks after their comments: the server refuses to delete a row that others refer to, and edits of
// different tables arrive in any order. So a task is deleted when the server has deleted its comments.
//
// The tasks that are still to be deleted are stored in case the page is closed meanwhile; any tab continues.

import { BehaviorSubject, combineLatest, fromEvent, map, of, switchMap, timer, type Observable } from 'rxjs';

import type { BoardReplica } from './board.js';
import { kept } from './kept.js';

interface Departure {
  task: string;
  comments: string[];
}

/** Within this many milliseconds the status certainly counts an edit. */
const HEARD = 500;

export class Departures {
  readonly #replica: BoardReplica;
  readonly #kept = kept<Departure[]>('departures', []);
  readonly #waiting = new BehaviorSubject<Departure[]>(this.#kept.get());

  constructor(replica: BoardReplica) {
    this.#replica = replica;
    fromEvent(window, 'storage').subscribe(() => this.#waiting.next(this.#kept.get()));
    // Waiting tasks are first checked a moment after the latest one was added.
    const heard = this.#waiting.pipe(
      switchMap((waiting) => (waiting.length === 0 ? of([]) : timer(HEARD).pipe(map(() => waiting)))),
    );
    combineLatest([heard, replica.status$]).subscribe(([waiting, { online, unsent }]) => {
      const comments = new Set(unsent.comment);
      const ready = waiting.filter((one) => !one.comments.some((comment) => comments.has(comment)));
      if (online && ready.length > 0) void this.#depart(ready);
    });
  }

  /** Tasks that will be deleted and are no longer shown. */
  get tasks$(): Observable<ReadonlySet<string>> {
    return this.#waiting.pipe(map((waiting) => new Set(waiting.map(({ task }) => task))));
  }

  /** Deletes a task, once these comments are deleted. */
  async follow(task: string, comments: string[]): Promise<void> {
    if (comments.length === 0) return this.#remove(task);
    this.#set([...this.#kept.get(), { task, comments }]);
  }

  async #depart(ready: Departure[]): Promise<void> {
    for (const { task } of ready) await this.#remove(task);
    const gone = ready.map(({ task }) => task);
    this.#set(this.#kept.get().filter(({ task }) => !gone.includes(task)));
  }

  async #remove(task: string): Promise<void> {
    await (await this.#replica.collections.task.findOne(task).exec())?.incrementalRemove();
  }

  #set(waiting: Departure[]): void {
    this.#kept.set(waiting);
    this.#waiting.next(waiting);
  }
}
