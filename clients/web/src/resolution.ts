// What becomes of an edit that the server did not take.
//
// The server's state always wins here, at once: so the collection goes on, and the edit lies in the
// server's inbox, where nothing loses it. What the policy makes of it is sent there as a resolution, and
// comes back like any other change.
//
// Turned down: resolving in RxDB's conflict handler. Collections push nothing while it thinks, an edit
// that the server forbids would be sent for ever, and the inbox would keep what is long settled.

import type { RxConflictHandler, WithDeleted } from 'rxdb';
import { deepEqual, defaultConflictHandler } from 'rxdb';

import type { ConflictPolicy } from './settings.js';

/** Why the server did not take a row; `CONFLICT` where another edit came first. */
export interface Rejection {
  /** The collection's name here. */
  collection: string;
  /** The document's primary key. */
  key: string;
  code: string;
  /** Why, as a sentence of the server's. */
  reason: string;
  /** In the server's inbox. */
  conflictId: string | undefined;
  /** The document as it was sent. */
  sent: unknown;
}

/** An edit that met another one. */
export interface Conflict<T> {
  id: string;
  collection: string;
  key: string;
  /** What the edit was made from, as far as known. */
  assumed: WithDeleted<T> | undefined;
  /** The edit. */
  client: WithDeleted<T>;
  /** What the server has instead. */
  server: WithDeleted<T>;
}

export interface Resolver<T> {
  policy: ConflictPolicy<T>;
  stamped: string[];
  onConflict: ((conflict: Conflict<T>) => void) | undefined;
  /** Takes out what the server said of this key in its last answer. */
  takeRejection(key: string): Rejection | undefined;
  /** What this client has sent of the row, if that is what the server has. */
  takenBy(server: WithDeleted<T>, key: string, assumed: WithDeleted<T> | undefined): WithDeleted<T> | undefined;
  /** Sends a resolution to the inbox. */
  settle(conflictId: string, document: WithDeleted<T>): Promise<void>;
  keyOf(row: Record<string, unknown>): string;
  /** Told of what a policy or a hook threw. */
  failed(error: unknown): void;
}

export function conflictHandler<T>(resolver: Resolver<T>): RxConflictHandler<T> {
  return {
    isEqual: (a, b, context) => defaultConflictHandler.isEqual(a, b, context),
    resolve: async ({ assumedMasterState, newDocumentState, realMasterState }) => {
      const key = resolver.keyOf(realMasterState as Record<string, unknown>);
      const rejection = resolver.takeRejection(key);
      if (rejection?.code === 'CONFLICT' && rejection.conflictId !== undefined) {
        void settle(resolver, {
          id: rejection.conflictId,
          collection: rejection.collection,
          key,
          assumed: assumedMasterState,
          client: newDocumentState,
          server: realMasterState,
        }).catch((error: unknown) => resolver.failed(error));
      }
      return realMasterState;
    },
  };
}

async function settle<T>(resolver: Resolver<T>, conflict: Conflict<T>): Promise<void> {
  // The other edit may be this client's own, of which it never had an answer.
  const own = resolver.takenBy(conflict.server, conflict.key, conflict.assumed);
  const joined = own && (merged({ ...conflict, assumed: own }) ?? removed(conflict, own, resolver.stamped));
  if (joined) return resolver.settle(conflict.id, joined);
  resolver.onConflict?.(conflict);
  const { policy } = resolver;
  if (policy === 'server') return;
  const kept = policy === 'merge' ? merged(conflict) : await policy(conflict);
  if (kept !== undefined) await resolver.settle(conflict.id, { _deleted: false, ...kept });
}

/** The delete, if nobody else has written since. */
function removed<T>({ client, server }: Conflict<T>, own: WithDeleted<T>, stamped: string[]) {
  const written = (row: unknown) => Object.entries(row as object).filter(([field]) => !stamped.includes(field));
  const same = deepEqual(Object.fromEntries(written(own)), Object.fromEntries(written(server)));
  return client._deleted && same ? { ...server, _deleted: true } : undefined;
}

/** Both edits, if they are of different fields; nothing if one of them is a delete. */
export function merged<T>({ assumed, client, server }: Conflict<T>): WithDeleted<T> | undefined {
  if (!assumed || assumed._deleted || client._deleted || server._deleted) return undefined;
  const fields = (row: unknown) => row as Record<string, unknown>;
  const [base, ours, theirs] = [fields(assumed), fields(client), fields(server)];
  const result = { ...theirs };
  for (const field of new Set([...Object.keys(base), ...Object.keys(ours)])) {
    if (deepEqual(base[field], ours[field]) || deepEqual(ours[field], theirs[field])) continue;
    if (!deepEqual(base[field], theirs[field])) return undefined;
    if (ours[field] === undefined) delete result[field];
    else result[field] = ours[field];
  }
  return result as WithDeleted<T>;
}
