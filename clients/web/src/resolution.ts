// What is done with an edit that the server did not store.
//
// In the local collection the server's state wins at once, so the collection goes on syncing. The edit is kept
// in the server's inbox, where it cannot be lost. The result of the policy is sent there as a resolution, and
// comes back like any other change.
//
// Resolving conflicts in RxDB's conflict handler was turned down: a collection pushes nothing while the handler
// runs, an edit that the server forbids would be sent for ever, and the inbox would keep resolved conflicts.

import type { RxConflictHandler, WithDeleted } from 'rxdb';
import { deepEqual, defaultConflictHandler } from 'rxdb';

import type { ConflictPolicy } from './settings.js';

/** Why the server did not store a row. The code is `CONFLICT` if another edit came first. */
export interface Rejection {
  /** The name of the local collection. */
  collection: string;
  /** The document's primary key. */
  key: string;
  code: string;
  /** The server's explanation for people. */
  reason: string;
  /** The id of the entry in the server's inbox, if there is one. */
  conflictId: string | undefined;
  /** The document as it was sent. */
  sent: unknown;
}

/** An edit of a row that was also edited on the server. */
export interface Conflict<T> {
  id: string;
  collection: string;
  key: string;
  /** The row that the edit was made from, as far as it is known. */
  assumed: WithDeleted<T> | undefined;
  /** The row as the edit left it. */
  client: WithDeleted<T>;
  /** The row as the server has it. */
  server: WithDeleted<T>;
}

export interface Resolver<T> {
  policy: ConflictPolicy<T>;
  stamped: string[];
  onConflict: ((conflict: Conflict<T>) => void) | undefined;
  /** Returns the rejection of this key in the server's last answer, and forgets it. */
  takeRejection(key: string): Rejection | undefined;
  /** The row as this client sent it, if the server has it in this form. */
  takenBy(server: WithDeleted<T>, key: string, assumed: WithDeleted<T> | undefined): WithDeleted<T> | undefined;
  /** Sends a resolution to the inbox. */
  settle(conflictId: string, document: WithDeleted<T>): Promise<void>;
  keyOf(row: Record<string, unknown>): string;
  /** Reports an error that a policy or a hook threw. */
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
  // The other edit may have come from this client, which never got the answer.
  const own = resolver.takenBy(conflict.server, conflict.key, conflict.assumed);
  const joined = own && (merged({ ...conflict, assumed: own }) ?? removed(conflict, own, resolver.stamped));
  if (joined) return resolver.settle(conflict.id, joined);
  resolver.onConflict?.(conflict);
  const { policy } = resolver;
  if (policy === 'server') return;
  const kept = policy === 'merge' ? merged(conflict) : await policy(conflict);
  if (kept !== undefined) await resolver.settle(conflict.id, { _deleted: false, ...kept });
}

/** The deleted row, if the edit is a delete and the row has not been written otherwise. */
function removed<T>({ client, server }: Conflict<T>, own: WithDeleted<T>, stamped: string[]) {
  const written = (row: unknown) => Object.entries(row as object).filter(([field]) => !stamped.includes(field));
  const same = deepEqual(Object.fromEntries(written(own)), Object.fromEntries(written(server)));
  return client._deleted && same ? { ...server, _deleted: true } : undefined;
}

/** The row with both edits, if they changed different fields; undefined if one of them is a delete. */
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
