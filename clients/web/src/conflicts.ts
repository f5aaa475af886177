// The server's conflict inbox: edits that were not taken, kept until somebody decides.

import { Subject, concatMap, filter, map, merge, share, switchMap, timer, type Observable } from 'rxjs';

import type { Message, Stream } from './stream.js';
import type { Answer } from './transport.js';

export type ConflictStatus = 'OPEN' | 'RESOLVED' | 'REJECTED';
export type Resolution = 'KEEP_SERVER' | 'USE_CLIENT' | 'USE_DATA';

/** An entry of the inbox. Rows are as in documents. */
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

/** Open entries that are watched, and how many are asked for at once. */
const MOST_WATCHED = 1_000;
const PAGE = 100;

/** Milliseconds after a connection until the list is read once more. */
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

  /** A page of entries, the oldest first. Fails when the server cannot be reached. */
  async list(
    choice: { entity?: string; status?: ConflictStatus; first?: number; after?: string } = {},
  ): Promise<InboxPage> {
    const { data } = await this.#ask(LIST, { first: PAGE, ...choice });
    return data.syncConflicts as InboxPage;
  }

  /** The open entries of a table, or of all: now, and whenever that changes. The oldest first, at most
   *  1,000. While the server cannot be reached the list stays as it was. */
  watch(entity?: string): Observable<InboxEntry[]> {
    const open = new Map<string, InboxEntry>();
    const follow = this.#stream.follow(WATCH).pipe(share());
    // What is filed before the server has taken the subscription, and after the list was read, is in
    // neither: so the list is read again.
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

  /** Decides. `USE_CLIENT` stores the fields that the edit changed; `USE_DATA` needs the fields to keep. `seen`
   *  is the row that the decision was made about, an entry's `server`: if what is to be written of it has
   *  changed since, nothing is, and this fails with `CONFLICT`. `ask` is not for callers. */
  async resolve(
    id: string,
    use: Resolution,
    data?: Record<string, unknown>,
    seen?: Record<string, unknown> | null,
    ask: Ask = this.#ask,
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
      // The next connection asks again.
      return false;
    }
    open.clear();
    for (const entry of found) open.set(entry.id, entry);
    return true;
  }
}
