// Rows that are larger than the server reads: they wait here, so that the others can go on.
//
// RxDB pushes the edits of a collection in order and repeats a batch until all of it is answered: a row that
// no request can carry would hold up everything behind it. So RxDB believes that it was taken, and what RxDB
// does for unsent edits is done here instead: the row counts as unsent, rows of the server are not put over
// it, and when it is edited again it is sent as made from what the server had.
//
// Guarantees: a row is noted before RxDB counts it as taken, and forgotten only when the server has answered
// for it. Stored as one of RxDB's local documents.

import type { RxDatabase } from 'rxdb';

import type { Row } from './documents.js';
import type { Unsent } from './unsent.js';

/** What a push sends of one row. */
export interface Edit {
  assumedMasterState?: unknown;
  newDocumentState: unknown;
}

/** The state that the first edit was made from, if there was one, and the state that RxDB counts as taken. */
interface Noted {
  assumed: unknown;
  sent: Row;
}
type Stored = { rows: Record<string, Noted> };

export class Withheld {
  readonly #database: RxDatabase;
  readonly #id: string;
  readonly #keyOf: (row: Row) => string;
  #rows = new Map<string, Noted>();
  #loading: Promise<void> | undefined;

  constructor(database: RxDatabase, collection: string, keyOf: (row: Row) => string) {
    this.#database = database;
    this.#id = `seachange-withheld-${collection}`;
    this.#keyOf = keyOf;
  }

  /** Reads what earlier pages have noted, once; before everything else. Fails where the database does not answer,
   *  and asks it again the next time. */
  ready(): Promise<void> {
    return (this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    }));
  }

  get keys(): Iterable<string> {
    return this.#rows.keys();
  }

  /** The row as it is to be sent. */
  madeFrom<E extends Edit>(edit: E): E {
    const noted = this.#rows.get(this.#keyOf(edit.newDocumentState as Row));
    return noted ? { ...edit, assumedMasterState: noted.assumed ?? undefined } : edit;
  }

  async note(edit: Edit): Promise<void> {
    const sent = edit.newDocumentState as Row;
    this.#rows.set(this.#keyOf(sent), structuredClone({ assumed: edit.assumedMasterState ?? null, sent }));
    await this.#store();
  }

  /** The server has answered for these. */
  async forget(keys: Iterable<string>): Promise<void> {
    const forgotten = [...keys].filter((key) => this.#rows.delete(key));
    if (forgotten.length > 0) await this.#store();
  }

  /** Rows of the server as RxDB is to see them. */
  over(rows: Row[]): Row[] {
    return this.#rows.size === 0 ? rows : rows.map((row) => this.#rows.get(this.#keyOf(row))?.sent ?? row);
  }

  /** What RxDB knows to be unsent, and what waits here. */
  with(unsent: Unsent): Unsent {
    const keys = new Set(unsent.keys);
    const more = [...this.#rows.keys()].filter((key) => !keys.has(key));
    return { count: unsent.count + more.length, keys: [...unsent.keys, ...more] };
  }

  async #load(): Promise<void> {
    const found = await this.#database.getLocal<Stored>(this.#id);
    this.#rows = new Map(Object.entries(structuredClone(found?.get('rows') ?? {})));
  }

  async #store(): Promise<void> {
    await this.#database.upsertLocal<Stored>(this.#id, { rows: Object.fromEntries(this.#rows) });
  }
}
