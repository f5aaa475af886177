// The server's conflict inbox: edits that were not stored, kept until a person decides on them.

import { Subject, concatMap, filter, map, merge, share, switchMap, timer, type Observable } from 'rxjs';

import type { Message, Stream } from './stream.js';
import type { Answer } from './transport.js';

export type ConflictStatus = 'OPEN' | 'RESOLVED' | 'REJECTED';
export type Resolution = 'KEEP_SERVER' | 'USE_CLIENT' | 'USE_DATA';

/** An entry of the inbox. Its rows have the form of documents. */
export interface InboxEntry {
  id: string;
  /** The table's name: `task_label`. */
  entity: string;
  key: unknown;
  status: ConflictStatus;
  reason: string;
  assumed: Record<string, unknown> | null;
  server: Record<string, unknown> | null;
  client: Record<string, unknown>;
  actor: string | null;
  recordedAt: string;
  resolvedAt: string | null;
}

export interface InboxPage {
  nodes: InboxEntry[];
  endCursor: string | null;
  hasNextPage: boolean;
}

/** How many open entries are watched at most, and how many are requested at once. */
const MOST_WATCHED = 1_000;
const PAGE = 100;

/** Milliseconds after a connection until the list is read a second time. */
const READ_AGAIN = 2_000;

const ENTRY = 'id entity key status reason assumed server client actor recordedAt resolvedAt';
const LIST =
  'query Conflicts($entity: String, $status: SyncConflictStatus, $first: Int, $after: String) ' +
  '{ syncConflicts(entity: $entity, status: $status, first: $first, after: $after) ' +
  `{ nodes { ${ENTRY} } endCursor hasNextPage } }`;
const RESOLVE =
  'mutation Resolve($id: String!, $use: SyncResolution!, $data: Json, $seen: Json) ' +
  `{ resolveSyncConflict(id: $id, use: $use, data: $data, seen: $seen) { ${ENTRY} } }`;
const WATCH = `subscription WatchConflicts { syncConflicts { ${ENTRY} } }`;

type Ask = (query: string, variables: Record<string, unknown>) => Promise<Answer>;

export class Inbox {
  readonly #ask: Ask;
  readonly #stream: Stream;
  readonly #resolved = new Subject<Message>();

  constructor(ask: Ask, stream: Stream) {
    this.#ask = ask;
    this.#stream = stream;
  }

  /** Returns a page of entries, the oldest first. Fails if the server cannot be reached. */
  async list(
    choice: { entity?: string; status?: ConflictStatus; first?: number; after?: string } = {},
  ): Promise<InboxPage> {
    const { data } = await this.#ask(LIST, { first: PAGE, ...choice });
    return data.syncConflicts as InboxPage;
  }

  /** Emits the open entries of a table, or of all tables, now and whenever they change: the oldest first, at
   *  most 1,000. While the server cannot be reached, the list stays as it was. */
  watch(entity?: string): Observable<InboxEntry[]> {
    const open = new Map<string, InboxEntry>();
    const follow = this.#stream.follow(WATCH).pipe(share());
    // An entry that is filed after the list was read and before the server has accepted the subscription is
    // in neither of them, so the list is read a second time.
    const again = follow.pipe(
      filter(({ kind }) => kind === 'maybe missed'),
      switchMap((message) => timer(READ_AGAIN).pipe(map(() => message))),
    );
    return merge(follow, again, this.#resolved).pipe(
      concatMap(async (message) => {
        if (message.kind === 'maybe missed') return this.#read(open, entity);
        const entry = message.data.syncConflicts as InboxEntry;
        if (entity !== undefined && entry.entity !== entity) return false;
        if (entry.status === 'OPEN') open.set(entry.id, entry);
        else open.delete(entry.id);
        return true;
      }),
      filter((changed) => changed),
      map(() => [...open.values()]),
    );
  }

  /** Resolves an entry. `USE_CLIENT` stores the fields that the edit changed; `USE_DATA` stores the fields in
   *  `data`. `seen` is the row on which the decision is based, an entry's `server`: if a field that would be
   *  written has changed since, nothing is written, and this fails with `CONFLICT`. */
  async resolve(
    id: string,
    use: Resolution,
    data?: Record<string, unknown>,
    seen?: Record<string, unknown> | null,
  ): Promise<InboxEntry> {
    return this.resolveBy(this.#ask, id, use, data, seen);
  }

  /** Like `resolve`, with the request sent by `ask`.
   *  @internal */
  async resolveBy(
    ask: Ask,
    id: string,
    use: Resolution,
    data?: Record<string, unknown>,
    seen?: Record<string, unknown> | null,
  ): Promise<InboxEntry> {
    const answer = await ask(RESOLVE, { id, use, data: data ?? null, seen: seen ?? null });
    this.#resolved.next({ kind: 'data', data: { syncConflicts: answer.data.resolveSyncConflict } });
    return answer.data.resolveSyncConflict as InboxEntry;
  }

  async #read(open: Map<string, InboxEntry>, entity: string | undefined): Promise<boolean> {
    const found: InboxEntry[] = [];
    try {
      for (let after: string | undefined; found.length < MOST_WATCHED; ) {
        const rest = { ...(after === undefined ? {} : { after }), ...(entity === undefined ? {} : { entity }) };
        const page = await this.list({ status: 'OPEN', ...rest });
        found.push(...page.nodes);
        if (!page.hasNextPage || page.endCursor === null) break;
        after = page.endCursor;
      }
    } catch {
      // The list is read again when the next connection is made.
      return false;
    }
    open.clear();
    for (const entry of found) open.set(entry.id, entry);
    return true;
  }
}
