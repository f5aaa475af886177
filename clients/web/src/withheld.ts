// Rows that are larger than the server reads. They are kept here, so that the other rows can be pushed.
//
// RxDB pushes the edits of a collection in order and repeats a batch until all of it is answered, so a row that is
// too large for any request would block everything behind it. RxDB is therefore made to believe that the row was
// pushed, and this module does what RxDB does for unsent edits: the row counts as unsent, rows from the server are
// not written over it, and when it is edited again it is sent with the state of the server that it was made from.
//
// Guarantees that a row is noted before RxDB counts it as pushed, and forgotten only when the server has answered
// for it. The notes are stored as one of RxDB's local documents.

import type { RxDatabase } from 'rxdb';

import type { Row } from './documents.js';
import type { Unsent } from './unsent.js';

/** What a push sends of one row. */
export interface Edit {
  assumedMasterState?: unknown;
  newDocumentState: unknown;
}

/** The state that the first edit was made from, if there was one, and the state that RxDB counts as pushed. */
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

  /** Reads the notes of earlier pages, once, before everything else. If the database fails, this fails too, and the
   *  next call reads again. */
  ready(): Promise<void> {
    return (this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    }));
  }

  get keys(): Iterable<string> {
    return this.#rows.keys();
  }

  /** The edit as it has to be sent. */
  madeFrom<E extends Edit>(edit: E): E {
    const noted = this.#rows.get(this.#keyOf(edit.newDocumentState as Row));
    return noted ? { ...edit, assumedMasterState: noted.assumed ?? undefined } : edit;
  }

  async note(edit: Edit): Promise<void> {
    const sent = edit.newDocumentState as Row;
    this.#rows.set(this.#keyOf(sent), structuredClone({ assumed: edit.assumedMasterState ?? null, sent }));
    await this.#store();
  }

  /** Forgets rows for which the server has answered. */
  async forget(keys: Iterable<string>): Promise<void> {
    const forgotten = [...keys].filter((key) => this.#rows.delete(key));
    if (forgotten.length > 0) await this.#store();
  }

  /** Rows from the server as RxDB has to see them. */
  over(rows: Row[]): Row[] {
    return this.#rows.size === 0 ? rows : rows.map((row) => this.#rows.get(this.#keyOf(row))?.sent ?? row);
  }

  /** Adds the rows that wait here to those that RxDB knows to be unsent. */
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
