// Edits that wait for a person: the server's conflict inbox as this page knows it.
//
// The inbox is the server's. Without it the entries are shown as they were last read, and nothing can be
// decided.

import { ApiError, type InboxEntry, type Resolution } from '@seachange/web';
import { BehaviorSubject, debounceTime, distinctUntilChanged, filter, map, merge, switchMap, type Observable } from 'rxjs';

import type { BoardReplica } from './board.js';
import { kept } from './kept.js';

/** Entries that are shown of each kind; more come when these are decided. */
const MOST = 100;

/** Ids of own edits that are remembered. */
const MOST_OWN = 500;

/** Milliseconds without a change of a row until the inbox is read again. */
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
    // Whatever may have changed the inbox has it read again: what it says of itself, a connection that
    // came back, and counts that changed by what was missed.
    const reasons = replica.status$.pipe(
      map(({ online, conflicts, rejected }) => `${online} ${conflicts} ${rejected}`),
      distinctUntilChanged(),
      filter(() => replica.status.online),
    );
    // An entry shows the row as it is: it moves on with it.
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

  /** Undefined when it is decided; otherwise why it is not. */
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
  /** Who changed it, as far as the state is known from which the edit was made. */
  changedBy: 'client' | 'both';
}

/** What using the edit changes: of a row that is there, the fields that the edit is about. */
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

