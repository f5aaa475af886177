// Edits that wait for a decision by a person: the server's conflict inbox as this page knows it.
//
// The inbox is on the server. Without the server, the entries are shown as they were last read, and no decision can
// be made.

import { ApiError, type InboxEntry, type Resolution } from '@seachange/web';
import { BehaviorSubject, debounceTime, distinctUntilChanged, filter, map, merge, switchMap, type Observable } from 'rxjs';

import type { BoardReplica } from './board.js';
import { kept } from './kept.js';

/** How many entries of each kind are shown; more appear when these are decided. */
const MOST = 100;

/** How many ids of edits made in this browser are remembered. */
const MOST_OWN = 500;

/** The inbox is read again when no row has changed for this many milliseconds. */
const SETTLED = 200;

const FIELDS_OF_SERVER = ['id', '_deleted', 'createdAt', 'updatedAt'];

export class Decisions {
  readonly #replica: BoardReplica;
  readonly #inbox = new BehaviorSubject<InboxEntry[]>([]);
  readonly #own = kept<string[]>('own-edits', []);

  constructor(replica: BoardReplica) {
    this.#replica = replica;
    replica.rejections$.subscribe(({ conflictId }) => {
      if (conflictId !== undefined) this.#own.set([...this.#own.get(), conflictId].slice(-MOST_OWN));
    });
    // The inbox is read again whenever it may have changed: when it reports a change, when the connection is back,
    // and when the counts in the status have changed.
    const reasons = replica.status$.pipe(
      map(({ online, conflicts, rejected }) => `${online} ${conflicts} ${rejected}`),
      distinctUntilChanged(),
      filter(() => replica.status.online),
    );
    // An entry shows the row as it is now, so it is read again when the row changes.
    const rows = Object.values(replica.collections).map((collection) => (collection as { $: Observable<unknown> }).$);
    const moved = merge(...rows).pipe(
      filter(() => replica.status.online && this.#inbox.value.length > 0),
      debounceTime(SETTLED),
    );
    merge(reasons, replica.conflicts.watch(), moved)
      .pipe(switchMap(() => this.#read()))
      .subscribe((entries) => entries && this.#inbox.next(entries));
  }

  get inbox$(): Observable<InboxEntry[]> {
    return this.#inbox.asObservable();
  }

  /** Whether the edit was made in this browser. */
  isOwn(entry: InboxEntry): boolean {
    return this.#own.get().includes(entry.id);
  }

  /** Undefined if the entry was resolved; otherwise the reason why not. */
  async decide(entry: InboxEntry, use: Resolution, data?: Record<string, unknown>): Promise<string | undefined> {
    try {
      await this.#replica.conflicts.resolve(entry.id, use, data, entry.server);
      this.#inbox.next(this.#inbox.value.filter(({ id }) => id !== entry.id));
      return undefined;
    } catch (error) {
      const found = await this.#read();
      if (found) this.#inbox.next(found);
      return error instanceof ApiError ? error.message : 'The server does not answer. Try again when it does.';
    }
  }

  async #read(): Promise<InboxEntry[] | undefined> {
    try {
      const pages = (['OPEN', 'REJECTED'] as const).map((status) =>
        this.#replica.conflicts.list({ status, first: MOST }),
      );
      return (await Promise.all(pages)).flatMap(({ nodes }) => nodes);
    } catch {
      return undefined;
    }
  }
}

/** A field that the edit would change. */
export interface Difference {
  field: string;
  server: unknown;
  client: unknown;
  /** Which side changed the field, if the row that the edit was made from is known. */
  changedBy: 'client' | 'both';
}

/** What using the edit would change: if the row exists, the fields that the edit changed. */
export function differences(entry: InboxEntry): Difference[] {
  const { assumed, server, client } = entry;
  const isThere = areBothThere(entry) && assumed !== null && !assumed._deleted;
  const fields = new Set([...Object.keys(server ?? {}), ...Object.keys(client)]);
  return [...fields]
    .filter((field) => !FIELDS_OF_SERVER.includes(field))
    .map((field) => ({ field, server: server?.[field] ?? null, client: client[field] ?? null }))
    .filter((one) => !same(one.server, one.client))
    .filter((one) => !isThere || !same(assumed[one.field] ?? null, one.client))
    .map((one) => ({ ...one, changedBy: isThere && same(assumed[one.field] ?? null, one.server) ? 'client' : 'both' }));
}

/** Whether there are two rows to choose fields from. */
export function areBothThere({ server, client }: InboxEntry): boolean {
  return server !== null && !server._deleted && !client._deleted;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

