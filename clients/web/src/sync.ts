// One collection's replication: RxDB's, with what the server expects on the other end.
//
// Guarantees: the batch size is the one that RxDB compares with, whatever the server answers at once; nothing
// null reaches the collection; a push is never larger than the server reads, and a row that is holds up no
// other; rows that the server did not take are reported.

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
  withheld: Withheld;
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
  /** Rows that the server is asked for at once. */
  #piece: number;

  constructor(settings: SyncSettings) {
    const { collection, documents, batchSize, retryTime, withheld } = settings;
    this.#settings = settings;
    this.#piece = batchSize;
    this.#rebuild = new Rebuild((row) => documents.keyOf(row), documents.keyFields, () => withheld.keys);
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

  /** Asks the local database what waits there, again and again until it answers or the replication ends. The
   *  database may be closed in between: that is nobody's error. */
  async #untilReady(): Promise<void> {
    const { withheld, retryTime } = this.#settings;
    while (!this.#replication.isStopped()) {
      try {
        return await withheld.ready();
      } catch (error) {
        if (this.#replication.isStopped()) return;
        this.#problem.next(this.#told(error));
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
    // RxDB leaves alone what is being pushed, and would not look at it again when that is done. A push
    // that the server refuses again and again is not waited for.
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
      // Once RxDB has the page: what came since it was asked for goes after it.
      queueMicrotask(() => this.#inflow.caughtUp());
    }
    return bulk;
  }

  /** A page of the size that RxDB expects, put together from smaller ones where the server does not answer
   *  with so much at once. */
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
    // A part that arrived is accepted again when the whole is repeated.
    const made = rows.map((row) => withheld.madeFrom(row));
    for (const part of parts(made)) answers.push(...(await this.#pushPart(part)));
    sent.answered(keyed.map(([key]) => key));
    this.#solved.next('push');
    return answers;
  }

  /** By halves, where the server does not take so much at once. */
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
      this.#untold.set(rowKey, rejection);
      this.#rejections.next(rejection);
      // No answer can name such a row, and the server has none.
      if (isUnreadable(key) && rejection.sent) unnamed.push({ ...(rejection.sent as Row), _deleted: true });
    }
    const answer = data[documents.fields.push];
    if (!Array.isArray(answer)) throw new ApiError('BAD_RESPONSE', 'the answer to a push is no list');
    await withheld.forget(sent.keys());
    // RxDB breaks at a row that it did not send.
    const known = (answer as Row[]).map(withoutNulls).filter((row) => sent.has(documents.keyOf(row)));
    return [...known, ...unnamed];
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

/** Whether less at once may help. */
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
