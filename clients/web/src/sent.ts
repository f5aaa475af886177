// What was sent without an answer, kept across the end of a page.
//
// The server takes an edit, the answer is lost, the page is closed. The next page knows the row only as it
// was before that edit: a further edit of the same field then looks to the server like somebody else's,
// and would end in the inbox. With what is noted here the package knows its own edit again.
//
// Guarantees: a row is noted before it is sent, and forgotten only after its answer has been dealt with.
// Stored as one of RxDB's local documents.

import type { RxDatabase } from 'rxdb';
import { deepEqual } from 'rxdb';

/** States kept of one row, and rows kept in all. */
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

  /** Notes rows that are about to be sent. `isFirst`: everything sent before has been dealt with. */
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

  /** The last state sent of a row that the server still has, whole. */
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
