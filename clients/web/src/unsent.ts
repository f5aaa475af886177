// Finds the documents of a collection that have edits which the server has not acknowledged.
//
// RxDB stores each document beside the state that the server is assumed to have. If the two differ, the document
// has yet to be pushed. This module only reads.

import type { RxDocumentData, RxStorageInstance, RxStorageInstanceReplicationState } from 'rxdb';
import { getAssumedMasterState, getChangedDocumentsSince, getHeightOfRevision, writeDocToDocState } from 'rxdb';
import { auditTime, concatMap, merge, startWith, type Observable } from 'rxjs';

/** How many documents are read at once. */
const PAGE = 500;

/** Writes within this many milliseconds lead to one count. */
const PATIENCE = 30;

type Storage = RxStorageInstance<object, unknown, unknown, unknown>;
export type Replicating = RxStorageInstanceReplicationState<object>;

/** A document, and whether it has unsent edits. */
export interface Looked {
  key: string;
  document: RxDocumentData<object>;
  unsent: boolean;
}

/** How many keys are listed. Further documents are only counted. */
const MOST_KEYS = 1_000;

export interface Unsent {
  count: number;
  /** The keys of at most 1,000 of them. */
  keys: string[];
}

/** Emits the unsent documents, now and after each write. */
export function watchUnsent(state: Replicating): Observable<Unsent> {
  const { forkInstance, metaInstance } = state.input;
  return merge(forkInstance.changeStream(), metaInstance.changeStream()).pipe(
    startWith(undefined),
    auditTime(PATIENCE),
    concatMap(async () => {
      const found: Unsent = { count: 0, keys: [] };
      // Documents before the checkpoint have been pushed.
      for await (const { key, unsent } of look(state, state.lastCheckpointDoc.up?.checkpointData)) {
        if (!unsent) continue;
        found.count += 1;
        if (found.keys.length < MOST_KEYS) found.keys.push(key);
      }
      return found;
    }),
  );
}

/** All documents written after a checkpoint, including deleted ones; all documents if there is no checkpoint. */
export async function* look(state: Replicating, checkpoint?: unknown): AsyncGenerator<Looked> {
  const origin = await state.input.hashFunction(state.input.identifier);
  const fork = state.input.forkInstance as Storage;
  for (let after = checkpoint; !state.events.canceled.value; ) {
    const page = await getChangedDocumentsSince(fork, PAGE, after);
    const keys = page.documents.map((document) => keyOf(document, state));
    const assumed = await getAssumedMasterState(state, keys);
    for (const [place, document] of page.documents.entries()) {
      const key = keys[place] ?? '';
      yield { key, document, unsent: isUnsent(state, document, assumed[key]?.docData, origin) };
    }
    if (page.documents.length < PAGE) return;
    after = page.checkpoint;
  }
}

function keyOf(document: object, state: Replicating): string {
  return String((document as Record<string, unknown>)[state.primaryPath as string]);
}

function isUnsent(
  state: Replicating,
  document: RxDocumentData<object>,
  assumed: Parameters<Replicating['input']['conflictHandler']['isEqual']>[0] | undefined,
  origin: string,
): boolean {
  const local = writeDocToDocState(document, state.hasAttachments, false);
  if (assumed && state.input.conflictHandler.isEqual(assumed, local, 'seachange-unsent')) return false;
  // The document was written by a pull that was cut off before it stored the state of the server.
  const from = (document._meta as { o?: { hash: string; _rev: number } }).o;
  return !(from && from.hash === origin && from._rev === getHeightOfRevision(document._rev));
}
