// One collection's replication: RxDB's, with what the server expects on the other end.
//
// Guarantees: the batch size is the one that RxDB compares with; nothing null reaches the collection; a
// push is never larger than the server reads; rows that were not taken are told of.

import type { RxCollection, RxReplicationWriteToMasterRow } from 'rxdb';
import { replicateRxCollection, type RxReplicationState } from 'rxdb/plugins/replication';
import { Subject, firstValueFrom, from, race, timer, type Observable, type Subscription } from 'rxjs';

import { withoutNulls, type Bulk, type Checkpoint, type Documents, type Row } from './documents.js';
import { Inflow } from './inflow.js';
import { Rebuild } from './rebuild.js';
import type { Rejection } from './resolution.js';
import type { Sent } from './sent.js';
import type { Stream } from './stream.js';
import { ApiError, type Answer } from './transport.js';
import { watchUnsent, type Unsent } from './unsent.js';

/** Characters of rows in one request. The server reads 8 MB; a character may be three bytes. */
const MOST_CHARACTERS = 2_000_000;

/** Milliseconds that a pull waits for what is to be pushed. */
const PUSH_FIRST = 1_000;

/** Rows in one push: the server's default limit. */
const MOST_PUSHED = 1_000;

/** What keeps a collection from syncing just now. */
export interface Problem {
  collection: string;
  direction: 'pull' | 'push';
  /** The server's code, or `LOCAL`. */
  code: string;
  message: string;
}

export interface SyncSettings {
  name: string;
  collection: RxCollection<object>;
  documents: Documents;
  batchSize: number;
  retryTime: number;
  ask(query: string, variables: Record<string, unknown>): Promise<Answer>;
  stream: Stream;
  sent: Sent;
}

type PushRow = RxReplicationWriteToMasterRow<object>;

export class CollectionSync {
  readonly #settings: SyncSettings;
  readonly #replication: RxReplicationState<object, Checkpoint>;
  readonly #rebuild: Rebuild;
  readonly #inflow: Inflow;
  readonly #rejections = new Subject<Rejection>();
  /** Those under way. */
  readonly #pushes = new Set<Promise<Row[]>>();
  readonly #untold = new Map<string, Rejection>();
  readonly #problem = new Subject<Problem>();
  readonly #solved = new Subject<Problem['direction']>();
  readonly #upToDate = new Subject<void>();
  #following: Subscription | undefined;

  constructor(settings: SyncSettings) {
    const { collection, documents, batchSize, retryTime } = settings;
    this.#settings = settings;
    this.#rebuild = new Rebuild((row) => documents.keyOf(row), documents.keyFields);
    this.#replication = replicateRxCollection<object, Checkpoint>({
      // Not the address: a server that moves is still the same, and another one says so.
      replicationIdentifier: `seachange-${documents.fields.pull}`,
      collection: collection as RxCollection<object, unknown, unknown, unknown>,
      live: true,
      retryTime,
      autoStart: true,
      waitForLeadership: true,
      toggleOnDocumentVisible: false,
      pull: {
        batchSize,
        handler: (checkpoint) => this.#pull(checkpoint) as Promise<{ documents: never[]; checkpoint: Checkpoint }>,
      },
      push: { batchSize: Math.min(batchSize, MOST_PUSHED), handler: (rows) => this.#push(rows) as Promise<never[]> },
    });
    this.#inflow = new Inflow(
      (bulk) => this.#replication.emitEvent(bulk as { documents: never[]; checkpoint: Checkpoint }),
      () => this.resync(),
      () => this.#replication.internalReplicationState?.events.active.up.value ?? true,
    );
    this.#replication.error$.subscribe((error) => this.#problem.next(this.#told(error)));
  }

  get replication(): RxReplicationState<object, Checkpoint> {
    return this.#replication;
  }

  get rejections$(): Observable<Rejection> {
    return this.#rejections.asObservable();
  }

  /** What is wrong. */
  get problem$(): Observable<Problem> {
    return this.#problem.asObservable();
  }

  /** In this direction nothing is. */
  get solved$(): Observable<Problem['direction']> {
    return this.#solved.asObservable();
  }

  /** All changes of the server until now are here. */
  get upToDate$(): Observable<void> {
    return this.#upToDate.asObservable();
  }

  /** Follows the server and counts, once the replication runs. Only one tab does. */
  async follow(pending: (unsent: Unsent) => void): Promise<void> {
    await this.#replication.startPromise;
    const state = this.#replication.internalReplicationState;
    if (!state || this.#replication.isStopped()) return;
    const { stream, documents } = this.#settings;
    this.#following = watchUnsent(state).subscribe(pending);
    this.#following.add(state.events.active.up.subscribe(() => this.#inflow.flow()));
    this.#following.add(
      stream.follow(documents.stream).subscribe((message) => {
        if (message.kind === 'maybe missed') this.#missed();
        else this.#receive(message.data[documents.fields.stream] as Bulk);
      }),
    );
  }

  /** Twice: RxDB 17.6 drops the first that stands behind a message of the stream in its queue. The
   *  second asks for nothing where the first was heard. */
  resync(): void {
    this.#inflow.willAsk();
    this.#replication.reSync();
    this.#replication.reSync();
  }

  /** Pulls everything anew; unsent edits stay. */
  rebuild(): void {
    this.#rebuild.want();
    this.resync();
  }

  takeRejection(key: string): Rejection | undefined {
    const rejection = this.#untold.get(key);
    this.#untold.delete(key);
    return rejection;
  }

  async stop(): Promise<void> {
    this.#following?.unsubscribe();
    await this.#replication.cancel();
    for (const subject of [this.#rejections, this.#problem, this.#solved, this.#upToDate]) subject.complete();
  }

  #missed(): void {
    this.#inflow.missed();
    this.resync();
  }

  #receive(bulk: Bulk): void {
    this.#inflow.arrived({ documents: bulk.documents.map(withoutNulls), checkpoint: bulk.checkpoint });
    this.#upToDate.next();
  }

  async #pull(checkpoint: Checkpoint | undefined): Promise<Bulk> {
    const { documents, batchSize, ask } = this.#settings;
    const state = this.#replication.internalReplicationState;
    if (!state) throw new Error('the replication has not begun');
    // RxDB leaves alone what is being pushed, and would not look at it again when that is done. A push
    // that the server refuses again and again is not waited for.
    await Promise.allSettled(this.#pushes);
    await firstValueFrom(race(from(state.streamQueue.up), timer(PUSH_FIRST)), { defaultValue: undefined });
    const bulk = await this.#rebuild.page(state, checkpoint, batchSize, async (cursor) => {
      const variables = { checkpoint: cursor === undefined ? null : { cursor }, limit: batchSize };
      this.#inflow.asking();
      const page = (await ask(documents.pull, variables)).data[documents.fields.pull] as Bulk;
      return { documents: page.documents.map(withoutNulls), checkpoint: page.checkpoint };
    });
    this.#solved.next('pull');
    if (bulk.documents.length < batchSize) {
      this.#upToDate.next();
      // Once RxDB has the page: what came since it was asked for goes after it.
      queueMicrotask(() => this.#inflow.caughtUp());
    }
    return bulk;
  }

  #push(rows: PushRow[]): Promise<Row[]> {
    const pushing = this.#pushAll(rows, this.#pushes.size === 0);
    this.#pushes.add(pushing);
    const done = () => this.#pushes.delete(pushing);
    pushing.then(done, done);
    return pushing;
  }

  async #pushAll(rows: PushRow[], isFirst: boolean): Promise<Row[]> {
    const { documents, sent } = this.#settings;
    const keyed = rows.map((row) => [documents.keyOf(row.newDocumentState as Row), row.newDocumentState as Row] as [string, Row]);
    await sent.note(keyed, isFirst);
    const answers: Row[] = [];
    // A part that arrived is accepted again when the whole is repeated.
    for (const part of parts(rows)) answers.push(...(await this.#pushPart(part)));
    sent.answered(keyed.map(([key]) => key));
    this.#solved.next('push');
    return answers;
  }

  async #pushPart(rows: PushRow[]): Promise<Row[]> {
    const { name, documents, ask } = this.#settings;
    const { data, extensions } = await ask(documents.push, { rows });
    const sent = new Map(rows.map((row) => [documents.keyOf(row.newDocumentState as Row), row.newDocumentState]));
    for (const { key, code, reason, conflictId } of rejectionsOf(extensions)) {
      const rowKey = documents.keyOfColumns(key);
      const rejection = { collection: name, key: rowKey, code, reason, conflictId, sent: sent.get(rowKey) };
      this.#untold.set(rowKey, rejection);
      this.#rejections.next(rejection);
    }
    const answer = data[documents.fields.push];
    if (!Array.isArray(answer)) throw new ApiError('BAD_RESPONSE', 'the answer to a push is no list');
    // RxDB breaks at a row that it did not send.
    return (answer as Row[]).map(withoutNulls).filter((row) => sent.has(documents.keyOf(row)));
  }

  #told(error: unknown): Problem {
    const told = (error as { parameters?: { errors?: Record<string, unknown>[]; direction?: string } }).parameters;
    const inner = told?.errors?.[0];
    return {
      collection: this.#settings.name,
      direction: told?.direction === 'push' ? 'push' : 'pull',
      code: typeof inner?.code === 'string' ? inner.code : 'LOCAL',
      message: String(inner?.message ?? (error as Error).message),
    };
  }
}

function rejectionsOf(extensions: Record<string, unknown>) {
  const list = extensions.rejections;
  return Array.isArray(list)
    ? (list as { key: Record<string, unknown>; code: string; reason?: string; conflictId?: string }[]).map((one) => ({
        key: one.key,
        code: one.code,
        reason: one.reason ?? '',
        conflictId: one.conflictId ?? undefined,
      }))
    : [];
}

/** The rows in pieces that the server reads. */
function* parts(rows: PushRow[]): Generator<PushRow[]> {
  let part: PushRow[] = [];
  let size = 0;
  for (const row of rows) {
    const length = JSON.stringify(row).length;
    if (part.length > 0 && size + length > MOST_CHARACTERS) {
      yield part;
      [part, size] = [[], 0];
    }
    part.push(row);
    size += length;
  }
  if (part.length > 0) yield part;
}
