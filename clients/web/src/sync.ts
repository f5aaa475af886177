// The replication of one collection: RxDB's replication, adapted to the server.
//
// Guarantees that a page has the batch size with which RxDB compares, even if the server returns fewer rows at
// once; that no null reaches the collection; that a push is never larger than the server reads, and a row that is
// too large does not block others; and that rows which the server did not store are reported.

import type { RxCollection, RxReplicationWriteToMasterRow } from 'rxdb';
import { replicateRxCollection, type RxReplicationState } from 'rxdb/plugins/replication';
import { Subject, firstValueFrom, from, race, timer, type Observable, type Subscription } from 'rxjs';

import { withoutNulls, type Bulk, type Checkpoint, type Documents, type Row } from './documents.js';
import { Inflow } from './inflow.js';
import { Rebuild } from './rebuild.js';
import type { Rejection } from './resolution.js';
import type { Sent } from './sent.js';
import type { Stream } from './stream.js';
import { ApiError, TooLarge, type Answer } from './transport.js';
import { watchUnsent, type Unsent } from './unsent.js';
import type { Withheld } from './withheld.js';

/** How many characters the rows of one request may have. The server reads 8 MB; a character may take three bytes. */
const MOST_CHARACTERS = 2_000_000;

/** How many milliseconds a pull waits for rows that are to be pushed. */
const PUSH_FIRST = 1_000;

/** How many rows one push may have: the server's default limit. */
const MOST_PUSHED = 1_000;

/** What keeps a collection from syncing at the moment. */
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
  withheld: Withheld;
}

type PushRow = RxReplicationWriteToMasterRow<object>;

export class CollectionSync {
  readonly #settings: SyncSettings;
  readonly #replication: RxReplicationState<object, Checkpoint>;
  readonly #rebuild: Rebuild;
  readonly #inflow: Inflow;
  readonly #rejections = new Subject<Rejection>();
  /** The pushes under way. */
  readonly #pushes = new Set<Promise<Row[]>>();
  readonly #unhandled = new Map<string, Rejection>();
  readonly #problem = new Subject<Problem>();
  readonly #solved = new Subject<Problem['direction']>();
  readonly #upToDate = new Subject<void>();
  #following: Subscription | undefined;
  /** How many rows are requested at once. */
  #piece: number;

  constructor(settings: SyncSettings) {
    const { collection, documents, batchSize, retryTime, withheld } = settings;
    this.#settings = settings;
    this.#piece = batchSize;
    this.#rebuild = new Rebuild((row) => documents.keyOf(row), documents.keyFields, () => withheld.keys);
    this.#replication = replicateRxCollection<object, Checkpoint>({
      // The identifier does not contain the server's address: a server that moves is still the same, and a
      // different one refuses the cursor.
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
    this.#replication.error$.subscribe((error) => this.#problem.next(this.#problemOf(error)));
  }

  get replication(): RxReplicationState<object, Checkpoint> {
    return this.#replication;
  }

  get rejections$(): Observable<Rejection> {
    return this.#rejections.asObservable();
  }

  /** Emits what keeps the collection from syncing. */
  get problem$(): Observable<Problem> {
    return this.#problem.asObservable();
  }

  /** Emits the direction in which syncing works again. */
  get solved$(): Observable<Problem['direction']> {
    return this.#solved.asObservable();
  }

  /** Emits when all changes that the server has made until now are here. */
  get upToDate$(): Observable<void> {
    return this.#upToDate.asObservable();
  }

  /** Follows the server's stream and counts unsent edits, once the replication runs. Only one tab does this. */
  async follow(pending: (unsent: Unsent) => void): Promise<void> {
    await this.#replication.startPromise;
    const state = this.#replication.internalReplicationState;
    if (!state || this.#replication.isStopped()) return;
    await this.#untilReady();
    if (this.#replication.isStopped()) return;
    const { stream, documents, withheld } = this.#settings;
    this.#following = watchUnsent(state).subscribe((unsent) => pending(withheld.with(unsent)));
    this.#following.add(state.events.active.up.subscribe(() => this.#inflow.flow()));
    this.#following.add(
      stream.follow(documents.stream).subscribe((message) => {
        if (message.kind === 'maybe missed') this.#missed();
        else this.#receive(message.data[documents.fields.stream] as Bulk);
      }),
    );
  }

  /** Pulls and pushes. It calls RxDB twice, because RxDB 17.6 drops the first call if a message of the stream is
   *  before it in the queue. If it does not, the second call finds nothing to do. */
  resync(): void {
    this.#inflow.willAsk();
    this.#replication.reSync();
    this.#replication.reSync();
  }

  /** Pulls all rows again; unsent edits stay. */
  rebuild(): void {
    this.#rebuild.want();
    this.resync();
  }

  takeRejection(key: string): Rejection | undefined {
    const rejection = this.#unhandled.get(key);
    this.#unhandled.delete(key);
    return rejection;
  }

  async stop(): Promise<void> {
    this.#following?.unsubscribe();
    await this.#replication.cancel();
    for (const subject of [this.#rejections, this.#problem, this.#solved, this.#upToDate]) subject.complete();
  }

  /** Reads the withheld rows from the local database, and tries again until that succeeds or the replication ends.
   *  An error after the end of the replication is not reported, because the database may have been closed. */
  async #untilReady(): Promise<void> {
    const { withheld, retryTime } = this.#settings;
    while (!this.#replication.isStopped()) {
      try {
        return await withheld.ready();
      } catch (error) {
        if (this.#replication.isStopped()) return;
        this.#problem.next(this.#problemOf(error));
        await firstValueFrom(timer(retryTime));
      }
    }
  }

  #missed(): void {
    this.#inflow.missed();
    this.resync();
  }

  #receive(bulk: Bulk): void {
    const documents = this.#settings.withheld.over(bulk.documents.map(withoutNulls));
    this.#inflow.arrived({ documents, checkpoint: bulk.checkpoint });
    this.#upToDate.next();
  }

  async #pull(checkpoint: Checkpoint | undefined): Promise<Bulk> {
    const { batchSize, withheld } = this.#settings;
    const state = this.#replication.internalReplicationState;
    if (!state) throw new Error('the replication has not begun');
    await withheld.ready();
    // RxDB skips pulled rows that are being pushed, and does not look at them again after the push. So the pull
    // waits for pushes, but not for one that the server refuses again and again.
    await Promise.allSettled(this.#pushes);
    await firstValueFrom(race(from(state.streamQueue.up), timer(PUSH_FIRST)), { defaultValue: undefined });
    const bulk = await this.#rebuild.page(state, checkpoint, batchSize, async (cursor) => {
      this.#inflow.asking();
      const page = await this.#page(cursor);
      return { documents: withheld.over(page.documents.map(withoutNulls)), checkpoint: page.checkpoint };
    });
    this.#solved.next('pull');
    if (bulk.documents.length < batchSize) {
      this.#upToDate.next();
      // This runs after RxDB has taken the page, so that messages which arrived meanwhile are applied after it.
      queueMicrotask(() => this.#inflow.caughtUp());
    }
    return bulk;
  }

  /** Returns a page of the size that RxDB expects. It is composed of smaller pages if the server does not return
   *  so many rows at once. */
  async #page(cursor: string | undefined): Promise<Bulk> {
    const { documents, batchSize, ask } = this.#settings;
    const rows: Row[] = [];
    for (let after = cursor; ; ) {
      const limit = Math.min(this.#piece, batchSize - rows.length);
      const variables = { checkpoint: after === undefined ? null : { cursor: after }, limit };
      let page: Bulk;
      try {
        page = (await ask(documents.pull, variables)).data[documents.fields.pull] as Bulk;
      } catch (error) {
        if (!isTooMuch(error) || limit === 1) throw error;
        this.#piece = Math.ceil(limit / 2);
        continue;
      }
      rows.push(...page.documents);
      after = page.checkpoint.cursor;
      if (page.documents.length < limit || rows.length >= batchSize) return { documents: rows, checkpoint: page.checkpoint };
    }
  }

  #push(rows: PushRow[]): Promise<Row[]> {
    const pushing = this.#pushAll(rows, this.#pushes.size === 0);
    this.#pushes.add(pushing);
    const done = () => this.#pushes.delete(pushing);
    pushing.then(done, done);
    return pushing;
  }

  async #pushAll(rows: PushRow[], isFirst: boolean): Promise<Row[]> {
    const { documents, sent, withheld } = this.#settings;
    await withheld.ready();
    const keyed = rows.map((row) => [documents.keyOf(row.newDocumentState as Row), row.newDocumentState as Row] as [string, Row]);
    await sent.note(keyed, isFirst);
    const answers: Row[] = [];
    // If RxDB repeats the push because a part of it failed, the server accepts the other parts a second time.
    const made = rows.map((row) => withheld.madeFrom(row));
    for (const part of parts(made)) answers.push(...(await this.#pushPart(part)));
    sent.answered(keyed.map(([key]) => key));
    this.#solved.next('push');
    return answers;
  }

  /** Pushes rows, in halves if the server does not accept so many at once. */
  async #pushPart(rows: PushRow[]): Promise<Row[]> {
    const { documents, ask } = this.#settings;
    let answer: Answer;
    try {
      answer = await ask(documents.push, { rows });
    } catch (error) {
      if (!isTooMuch(error)) throw error;
      const [first] = rows;
      if (rows.length === 1 && first && error instanceof TooLarge) return this.#withhold(first, error);
      if (rows.length <= 1) throw error;
      const middle = Math.ceil(rows.length / 2);
      const before = await this.#pushPart(rows.slice(0, middle));
      return [...before, ...(await this.#pushPart(rows.slice(middle)))];
    }
    return this.#answered(rows, answer);
  }

  async #withhold(row: PushRow, { code }: TooLarge): Promise<Row[]> {
    const { name, documents, withheld } = this.#settings;
    await withheld.note(row);
    this.#rejections.next({
      collection: name,
      key: documents.keyOf(row.newDocumentState as Row),
      code,
      reason: 'the row is larger than the server reads at once; it is sent again when it is edited',
      conflictId: undefined,
      sent: row.newDocumentState,
    });
    return [];
  }

  async #answered(rows: PushRow[], { data, extensions }: Answer): Promise<Row[]> {
    const { name, documents, withheld } = this.#settings;
    const sent = new Map(rows.map((row) => [documents.keyOf(row.newDocumentState as Row), row.newDocumentState]));
    const unnamed: Row[] = [];
    for (const { key, code, reason, conflictId } of rejectionsOf(extensions)) {
      const rowKey = documents.keyOfColumns(key);
      const rejection = { collection: name, key: rowKey, code, reason, conflictId, sent: sent.get(rowKey) };
      this.#unhandled.set(rowKey, rejection);
      this.#rejections.next(rejection);
      // The answer cannot contain a row with such a key, and the server has no such row.
      if (isUnreadable(key) && rejection.sent) unnamed.push({ ...(rejection.sent as Row), _deleted: true });
    }
    const answer = data[documents.fields.push];
    if (!Array.isArray(answer)) throw new ApiError('BAD_RESPONSE', 'the answer to a push is not a list');
    await withheld.forget(sent.keys());
    // RxDB fails if the answer has a row that it did not send.
    const known = (answer as Row[]).map(withoutNulls).filter((row) => sent.has(documents.keyOf(row)));
    return [...known, ...unnamed];
  }

  #problemOf(error: unknown): Problem {
    const parameters = (error as { parameters?: { errors?: Record<string, unknown>[]; direction?: string } }).parameters;
    const inner = parameters?.errors?.[0];
    return {
      collection: this.#settings.name,
      direction: parameters?.direction === 'push' ? 'push' : 'pull',
      code: typeof inner?.code === 'string' ? inner.code : 'LOCAL',
      message: String(inner?.message ?? (error as Error).message),
    };
  }
}

/** Whether the request may succeed with fewer rows. */
function isTooMuch(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'LIMIT_EXCEEDED';
}

/** Whether the server could not read a part of this key. */
function isUnreadable(key: Record<string, unknown>): boolean {
  return Object.values(key).some((value) => typeof value === 'object' && value !== null);
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

/** Splits rows into parts that are small enough for the server. */
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
