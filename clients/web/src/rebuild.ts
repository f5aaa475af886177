// Beginning anew when the server can no longer say what changed: RESYNC_REQUIRED, CURSOR_EXPIRED.
//
// The collection stays as it is, with every unsent edit and the state that each was made from; only the
// cursor is dropped. All rows are pulled again, over the old ones, and with the last page those that are
// gone from the server are deleted here. RxDB leaves alone whatever has unsent edits: these are pushed
// as ever, and the server decides on each.
//
// What is on disk: the checkpoint names the rebuild under way, and is written after the rows of its page.
// Closed at any point, the next start finds the old cursor (and is refused again) or a rebuild that is
// not its own, and begins once more. No step takes an edit out of the collection.
//
// Turned down: putting edits aside, removing the collection and making it again. Between these steps
// edits lie in one place only, and the states they were made from are lost.

import type { RxDocumentData } from 'rxdb';
import { writeDocToDocState } from 'rxdb';

import type { Bulk, Checkpoint, Row } from './documents.js';
import { ApiError } from './transport.js';
import { look, type Replicating } from './unsent.js';

/** Codes by which a pull says that its cursor leads nowhere. */
const ANEW = ['RESYNC_REQUIRED', 'CURSOR_EXPIRED', 'CURSOR_INVALID'];

/** Asks the server for one page after a cursor; without one, for the first. */
export type AskPage = (cursor: string | undefined) => Promise<Bulk>;

export class Rebuild {
  readonly #keyOf: (row: Row) => string;
  readonly #keyFields: readonly string[];
  #id: string | undefined;
  /** Keys that were here at the beginning and have not come again. */
  #missing = new Set<string>();
  /** Keys with unsent edits when the last page was asked for: the push of these decides. */
  #unsent = new Set<string>();
  /** Rows of pages that RxDB may not have stored yet: it asks for the next page before it has. Keys only. */
  readonly #handed = new Map<string, Row>();
  #last: Row | undefined;
  #wanted = false;

  readonly #withheld: () => Iterable<string>;

  /** `withheld`: the keys of rows with edits that RxDB does not know to be unsent. */
  constructor(keyOf: (row: Row) => string, keyFields: readonly string[], withheld: () => Iterable<string>) {
    this.#keyOf = keyOf;
    this.#keyFields = keyFields;
    this.#withheld = withheld;
  }

  get running(): boolean {
    return this.#id !== undefined;
  }

  /** Has the next pull begin anew. */
  want(): void {
    this.#wanted = true;
  }

  /** One page after a checkpoint, which may turn out to be the first of all. */
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
    // RxDB stores no checkpoint with an empty page, and would have us begin once more next time.
    if (documents.length === 0 && this.#last) documents.push(this.#last);
    this.#id = undefined;
    this.#missing = new Set();
    this.#last = undefined;
    this.#handed.clear();
    return { documents, checkpoint: { ...page.checkpoint, rebuild: '' } };
  }

  /** What the server no longer has, as if it had said so. */
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

  /** A short page is the last: the next is asked for when RxDB has stored all. */
  #hand(page: Bulk, limit: number): void {
    for (const row of page.documents) {
      const fields = this.#keyFields.map((field) => [field, row[field]] as const);
      this.#handed.set(this.#keyOf(row), { ...Object.fromEntries(fields), _deleted: row._deleted });
    }
    if (page.documents.length < limit) this.#handed.clear();
  }
}
