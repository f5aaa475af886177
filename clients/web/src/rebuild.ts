// Pulls all rows again when the server can no longer say what changed: RESYNC_REQUIRED, CURSOR_EXPIRED.
//
// The collection stays as it is, with every unsent edit and the state that each edit was made from; only the
// cursor is dropped. All rows are pulled again and written over the old ones. With the last page, rows that no
// longer exist on the server are deleted here. RxDB does not touch rows with unsent edits: these are pushed as
// usual, and the server decides on each of them.
//
// On disk, the checkpoint names the rebuild that is under way; it is written after the rows of its page. If the
// page is closed at any point, the next start finds either the old cursor, which is refused again, or the
// rebuild of an earlier page, and starts the rebuild again. No step removes an edit from the collection.
//
// Putting edits aside, removing the collection and creating it again was turned down: between these steps edits
// would be stored in one place only, and the states that they were made from would be lost.

import type { RxDocumentData } from 'rxdb';
import { writeDocToDocState } from 'rxdb';

import type { Bulk, Checkpoint, Row } from './documents.js';
import { ApiError } from './transport.js';
import { look, type Replicating } from './unsent.js';

/** Codes by which the server says that a pull cannot continue from its cursor. */
const ANEW = ['RESYNC_REQUIRED', 'CURSOR_EXPIRED', 'CURSOR_INVALID'];

/** Asks the server for one page after a cursor, or for the first page if there is no cursor. */
export type AskPage = (cursor: string | undefined) => Promise<Bulk>;

export class Rebuild {
  readonly #keyOf: (row: Row) => string;
  readonly #keyFields: readonly string[];
  #id: string | undefined;
  /** Keys that existed here at the beginning and have not been pulled again yet. */
  #missing = new Set<string>();
  /** Keys that had unsent edits when the last page was requested. The push of these edits decides on them. */
  #unsent = new Set<string>();
  /** The keys of rows in pages that RxDB may not have stored yet: it asks for the next page before it stores
   *  the last one. */
  readonly #handed = new Map<string, Row>();
  #last: Row | undefined;
  #wanted = false;

  readonly #withheld: () => Iterable<string>;

  /** `withheld` returns the keys of rows with edits that RxDB does not know to be unsent. */
  constructor(keyOf: (row: Row) => string, keyFields: readonly string[], withheld: () => Iterable<string>) {
    this.#keyOf = keyOf;
    this.#keyFields = keyFields;
    this.#withheld = withheld;
  }

  get running(): boolean {
    return this.#id !== undefined;
  }

  /** Makes the next pull start a rebuild. */
  want(): void {
    this.#wanted = true;
  }

  /** Returns the page after a checkpoint, or the first page if a rebuild has to begin. */
  async page(state: Replicating, after: Checkpoint | undefined, limit: number, ask: AskPage): Promise<Bulk> {
    if (this.#wanted && after) return this.#begin(state, limit, ask);
    if (after?.rebuild && after.rebuild !== this.#id) return this.#begin(state, limit, ask);
    try {
      return await this.#take(state, await this.#ask(state, ask, after?.cursor), limit);
    } catch (error) {
      const refused = error instanceof ApiError && ANEW.includes(error.code);
      if (!refused || !after) throw error;
      return this.#begin(state, limit, ask);
    }
  }

  async #begin(state: Replicating, limit: number, ask: AskPage): Promise<Bulk> {
    const missing = new Set<string>(this.#handed.keys());
    for await (const { key, document } of look(state)) {
      if (!document._deleted) missing.add(key);
    }
    const page = await this.#ask(state, ask, undefined, true);
    this.#wanted = false;
    this.#missing = missing;
    this.#last = undefined;
    this.#id = crypto.randomUUID();
    return this.#take(state, page, limit);
  }

  async #ask(state: Replicating, ask: AskPage, cursor: string | undefined, isRebuild = this.running) {
    if (isRebuild) {
      const unsent = new Set<string>(this.#withheld());
      for await (const one of look(state, state.lastCheckpointDoc.up?.checkpointData)) {
        if (one.unsent) unsent.add(one.key);
      }
      this.#unsent = unsent;
    }
    return ask(cursor);
  }

  async #take(state: Replicating, page: Bulk, limit: number): Promise<Bulk> {
    if (this.#id === undefined) {
      this.#hand(page, limit);
      return page;
    }
    for (const row of page.documents) this.#missing.delete(this.#keyOf(row));
    this.#last = page.documents.at(-1) ?? this.#last;
    if (page.documents.length >= limit) {
      this.#hand(page, limit);
      return { ...page, checkpoint: { ...page.checkpoint, rebuild: this.#id } };
    }
    const documents = [...page.documents, ...(await this.#gone(state))];
    // RxDB stores no checkpoint with an empty page, so the next start would begin the rebuild once more.
    if (documents.length === 0 && this.#last) documents.push(this.#last);
    this.#id = undefined;
    this.#missing = new Set();
    this.#last = undefined;
    this.#handed.clear();
    return { documents, checkpoint: { ...page.checkpoint, rebuild: '' } };
  }

  /** The rows that the server no longer has, as deleted documents. */
  async #gone(state: Replicating): Promise<Row[]> {
    const keys = [...this.#missing].filter((key) => !this.#unsent.has(key));
    const found = await state.input.forkInstance.findDocumentsById(keys, false);
    const stored = found.map((document: RxDocumentData<object>): Row => ({
      ...writeDocToDocState(document, state.hasAttachments, false),
      _deleted: true,
    }));
    const known = new Set(stored.map((row) => this.#keyOf(row)));
    const handed = keys.filter((key) => !known.has(key)).flatMap((key) => this.#handed.get(key) ?? []);
    return [...stored, ...handed.map((row) => ({ ...row, _deleted: true }))];
  }

  /** Notes the rows of a page. A short page is the last one; RxDB asks for another only when it has stored
   *  all of them. */
  #hand(page: Bulk, limit: number): void {
    for (const row of page.documents) {
      const fields = this.#keyFields.map((field) => [field, row[field]] as const);
      this.#handed.set(this.#keyOf(row), { ...Object.fromEntries(fields), _deleted: row._deleted });
    }
    if (page.documents.length < limit) this.#handed.clear();
  }
}
