// The server's conflict inbox: edits that were not taken, kept until somebody decides.

import { Observable, concatMap, filter, from, map } from 'rxjs';

import type { Stream } from './stream.js';
import type { Answer } from './transport.js';

export type ConflictStatus = 'OPEN' | 'RESOLVED' | 'REJECTED';
export type Resolution = 'KEEP_SERVER' | 'USE_CLIENT' | 'USE_DATA';

/** An entry of the inbox. Rows are as in documents. */
export interface InboxEntry {
  id: string;
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

/** Open entries that are counted; beyond, the count stays there. */
const MOST_COUNTED = 1_000;
const PAGE = 100;

const ENTRY = 'id entity key status reason assumed server client actor recordedAt resolvedAt';
const LIST =
  'query Conflicts($entity: String, $status: SyncConflictStatus, $first: Int, $after: String) ' +
  '{ syncConflicts(entity: $entity, status: $status, first: $first, after: $after) ' +
  `{ nodes { ${ENTRY} } endCursor hasNextPage } }`;
const RESOLVE =
  'mutation Resolve($id: String!, $use: SyncResolution!, $data: Json) ' +
  `{ resolveSyncConflict(id: $id, use: $use, data: $data) { ${ENTRY} } }`;
const WATCH = `subscription WatchConflicts { syncConflicts { ${ENTRY} } }`;

export class Inbox {
  readonly #ask: (query: string, variables: Record<string, unknown>) => Promise<Answer>;
  readonly #stream: Stream;

  constructor(ask: (query: string, variables: Record<string, unknown>) => Promise<Answer>, stream: Stream) {
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

  /** Every entry of an entity, or of all, as it is filed and as it is resolved, from now on. */
  watch(entity?: string): Observable<InboxEntry> {
    return this.#stream.follow(WATCH).pipe(
      filter((message) => message.kind === 'data'),
      map((message) => message.data.syncConflicts as InboxEntry),
      filter((entry) => entity === undefined || entry.entity === entity),
    );
  }

  /** Decides. `USE_DATA` needs the row to keep. */
  async resolve(id: string, use: Resolution, data?: Record<string, unknown>): Promise<InboxEntry> {
    const answer = await this.#ask(RESOLVE, { id, use, data: data ?? null });
    return answer.data.resolveSyncConflict as InboxEntry;
  }

  /** How many are open, now and whenever that changes. */
  open$(): Observable<number> {
    const open = new Set<string>();
    return this.#stream.follow(WATCH).pipe(
      concatMap((message) => {
        if (message.kind === 'maybe missed') return from(this.#read(open));
        const { id, status } = message.data.syncConflicts as InboxEntry;
        if (status === 'OPEN') open.add(id);
        else open.delete(id);
        return [open.size];
      }),
    );
  }

  async #read(open: Set<string>): Promise<number> {
    try {
      const found: string[] = [];
      for (let after: string | undefined; found.length < MOST_COUNTED; ) {
        const page = await this.list({ status: 'OPEN', ...(after === undefined ? {} : { after }) });
        found.push(...page.nodes.map(({ id }) => id));
        if (!page.hasNextPage || page.endCursor === null) break;
        after = page.endCursor;
      }
      open.clear();
      for (const id of found) open.add(id);
    } catch {
      // It stays as it was known: the next connection asks again.
    }
    return open.size;
  }
}
