// Rows that were sent without an answer, kept when the page is closed.
//
// Suppose that the server stores an edit, the answer is lost and the page is closed. The next page knows the row
// only as it was before that edit. A further edit of the same field would then conflict on the server with the
// first one, and would end in the inbox. By what is noted here the package recognises that it made both edits.
//
// Guarantees that a row is noted before it is sent, and forgotten only after its answer has been handled. The
// notes are stored as one of RxDB's local documents.

import type { RxDatabase } from 'rxdb';
import { deepEqual } from 'rxdb';

/** How many states are kept of one row, and how many rows in all. */
const MOST_STATES = 5;
const MOST_ROWS = 2_000;

type State = Record<string, unknown>;
type Noted = { rows: Record<string, State[]> };

export class Sent {
  readonly #database: RxDatabase;
  readonly #id: string;
  #rows: Map<string, State[]> | undefined;
  #answered = new Set<string>();

  constructor(database: RxDatabase, collection: string) {
    this.#database = database;
    this.#id = `seachange-sent-${collection}`;
  }

  /** Notes rows that are about to be sent. `isFirst` says that the answers to all earlier ones have been handled. */
  async note(rows: [key: string, state: State][], isFirst: boolean): Promise<void> {
    const noted = (this.#rows ??= await this.#load());
    if (isFirst) {
      for (const key of this.#answered) noted.delete(key);
      this.#answered.clear();
    }
    let changed = false;
    for (const [key, state] of rows) {
      this.#answered.delete(key);
      const states = noted.get(key) ?? [];
      if (states.some((known) => deepEqual(known, state))) continue;
      noted.delete(key);
      noted.set(key, [...states, structuredClone(state)].slice(-MOST_STATES));
      changed = true;
    }
    for (const key of [...noted.keys()].slice(0, -MOST_ROWS)) noted.delete(key);
    if (changed) await this.#database.upsertLocal<Noted>(this.#id, { rows: Object.fromEntries(noted) });
  }

  answered(keys: string[]): void {
    for (const key of keys) this.#answered.add(key);
  }

  /** The last state of a row that was sent and whose edited fields the server still has. */
  takenBy(server: State, key: string, assumed: State | undefined): State | undefined {
    const states = this.#rows?.get(key) ?? [];
    return states.toReversed().find((sent) => {
      const fields = new Set([...Object.keys(sent), ...Object.keys(assumed ?? {})]);
      const ours = [...fields].filter((field) => !deepEqual(sent[field], assumed?.[field]));
      return ours.length > 0 && ours.every((field) => deepEqual(sent[field], server[field]));
    });
  }

  async #load(): Promise<Map<string, State[]>> {
    const found = await this.#database.getLocal<Noted>(this.#id);
    return new Map(Object.entries(found?.get('rows') ?? {}));
  }
}
