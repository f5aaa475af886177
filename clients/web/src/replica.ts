// A replica: the local database and everything that keeps it in sync. This file connects the other parts.

import { createRxDatabase, addRxPlugin, type RxCollection, type RxDatabase, type RxJsonSchema, type RxStorage, type WithDeleted } from 'rxdb';
import { RxDBLeaderElectionPlugin } from 'rxdb/plugins/leader-election';
import { RxDBLocalDocumentsPlugin } from 'rxdb/plugins/local-documents';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';
import { Subject, type Observable, type Subscription } from 'rxjs';

import { Inbox } from './conflicts.js';
import { documentsOf } from './documents.js';
import { Reach, type Reachable } from './reach.js';
import { conflictHandler, type Rejection } from './resolution.js';
import { Sent } from './sent.js';
import { checked, type Checked, type CollectionSettings, type ReplicaSettings, type Shape } from './settings.js';
import { Board, type Status } from './status.js';
import { Stream } from './stream.js';
import { CollectionSync } from './sync.js';
import { Tabs, type TabMessage } from './tabs.js';
import { Tokens } from './tokens.js';
import { Transport } from './transport.js';
import { Withheld } from './withheld.js';

/** RxDB's collections, by the names given in the settings. */
export type Collections<D extends Shape<D>> = { [K in keyof D]: RxCollection<D[K]> };

/** Opens the local database and starts to sync it. Resolves as soon as the local data can be read; the server
 *  need not be reachable. */
export async function openReplica<D extends Shape<D>>(
  settings: ReplicaSettings<D>,
): Promise<Replica<D>> {
  const ready = checked(settings);
  addRxPlugin(RxDBLeaderElectionPlugin);
  addRxPlugin(RxDBLocalDocumentsPlugin);
  const database = await createRxDatabase({
    ...ready.database,
    name: ready.name,
    storage: ready.storage ?? (getRxStorageDexie() as RxStorage<unknown, unknown>),
    multiInstance: ready.multiInstance,
    localDocuments: true,
  });
  try {
    return await Replica.on(database, ready);
  } catch (error) {
    await database.close();
    throw error;
  }
}

export class Replica<D extends Shape<D>> {
  readonly database: RxDatabase;
  readonly collections: Collections<D>;
  /** The server's conflict inbox. */
  readonly conflicts: Inbox;
  readonly #settings: Checked<D>;
  readonly #closed = new AbortController();
  readonly #reach: Reach;
  readonly #stream: Stream;
  readonly #sent = new Map<string, Sent>();
  readonly #syncs = new Map<string, CollectionSync>();
  readonly #board: Board;
  readonly #rejections = new Subject<Rejection>();
  readonly #tabs: Tabs;
  readonly #watching: Subscription[] = [];
  #leads = false;

  /** Creates the collections and starts to sync them. Callers use `openReplica`.
   *  @internal */
  static async on<D extends Shape<D>>(database: RxDatabase, settings: Checked<D>) {
    const replica = new Replica<D>(database, settings);
    await replica.#open();
    return replica;
  }

  private constructor(database: RxDatabase, settings: Checked<D>) {
    this.database = database;
    this.collections = {} as Collections<D>;
    this.#settings = settings;
    const tokens = new Tokens(settings.token);
    const transport = new Transport({ ...settings, tokens, closed: this.#closed.signal });
    this.#reach = new Reach(() => transport.probe(), settings.retryTime, this.#closed.signal);
    this.#ask = (query, variables) => transport.askPatiently(query, variables, this.#reach);
    this.#stream = new Stream({
      url: settings.socketUrl,
      tokens,
      reach: this.#reach,
      webSocket: settings.webSocket,
    });
    this.conflicts = new Inbox(
      (query, variables) => transport.ask(query, variables, this.#reach),
      this.#stream,
    );
    this.#board = new Board(Object.keys(settings.collections));
    this.#tabs = new Tabs(settings.name, settings.multiInstance, (message) => this.#onMessage(message));
    database.onClose.push(() => this.#end());
  }

  /** The status, now and whenever it changes. */
  get status$(): Observable<Status> {
    return this.#board.status$;
  }

  get status(): Status {
    return this.#board.status;
  }

  /** Each edit that the server did not store, including those that went to the conflict inbox. */
  get rejections$(): Observable<Rejection> {
    return this.#rejections.asObservable();
  }

  /** Pulls what may have been missed, and pushes what is pending. */
  resync(): void {
    if (!this.#leads) return this.#tabs.send({ kind: 'resync' });
    this.#reach.doubt();
    for (const sync of this.#syncs.values()) sync.resync();
  }

  /** Pulls all rows again; unsent edits stay. When the server requires it, this happens without a call. */
  rebuild(): void {
    if (!this.#leads) return this.#tabs.send({ kind: 'rebuild' });
    for (const sync of this.#syncs.values()) sync.rebuild();
  }

  /** Stops syncing. Data and unsent edits stay. */
  async close(): Promise<void> {
    await this.database.close();
  }

  /** Stops syncing and removes the local data, **unsent edits too**. */
  async destroy(): Promise<void> {
    await this.database.remove();
  }

  readonly #ask: (query: string, variables: Record<string, unknown>) => ReturnType<Transport['ask']>;

  async #open(): Promise<void> {
    const named = Object.entries(this.#settings.collections) as [string, CollectionSettings<object>][];
    for (const [name] of named) this.#sent.set(name, new Sent(this.database, name));
    const creators = named.map(([name, one]) => [name, this.#creator(name, one)] as const);
    const made = await this.database.addCollections(Object.fromEntries(creators));
    Object.assign(this.collections, made);
    for (const [name, one] of named) {
      const [collection, sent] = [made[name], this.#sent.get(name)];
      if (collection && sent) this.#syncs.set(name, this.#sync(name, one, collection, sent));
    }
    this.#tabs.send({ kind: 'hello' });
    // A single tab is elected at once; one of several tabs when the others have been closed, if ever.
    void this.database.waitForLeadership().then(() => this.#lead());
  }

  #creator(name: string, settings: CollectionSettings<object>) {
    const { entity, schema, stamped, conflict, onConflict, migrationStrategies } = settings;
    return {
      schema: schema as RxJsonSchema<object>,
      ...(migrationStrategies ? { migrationStrategies } : {}),
      conflictHandler: conflictHandler<object>({
        policy: conflict ?? 'server',
        stamped: stamped ?? ['createdAt', 'updatedAt'],
        onConflict,
        takeRejection: (key) => this.#syncs.get(name)?.takeRejection(key),
        takenBy: (server, key, assumed) =>
          this.#sent.get(name)?.takenBy({ ...server }, key, assumed && { ...assumed }) as WithDeleted<object> | undefined,
        settle: async (id, document) => {
          // A field that the document lacks is sent as null: if it were left out, it would keep its value.
          const empty = Object.keys(schema.properties).map((field) => [field, null] as const);
          await this.conflicts.resolveBy(this.#ask, id, 'USE_DATA', { ...Object.fromEntries(empty), ...document });
        },
        keyOf: documentsOf(entity, schema).keyOf,
        failed: (error) =>
          this.#board.problem({ collection: name, direction: 'push', code: 'CONFLICT', message: String(error) }),
      }),
    };
  }

  #sync(
    name: string,
    { entity, schema }: CollectionSettings<object>,
    collection: RxCollection,
    sent: Sent,
  ): CollectionSync {
    const { batchSize, retryTime } = this.#settings;
    const documents = documentsOf(entity, schema);
    const sync = new CollectionSync({
      name,
      collection,
      documents,
      batchSize,
      retryTime,
      ask: this.#ask,
      stream: this.#stream,
      sent,
      withheld: new Withheld(this.database, name, documents.keyOf),
    });
    sync.rejections$.subscribe((rejection) => {
      this.#rejections.next(rejection);
      this.#board.set({ rejected: this.#board.status.rejected + 1 });
      this.#tabs.send({ kind: 'rejection', rejection });
    });
    sync.problem$.subscribe((problem) => this.#board.problem(problem));
    sync.solved$.subscribe((direction) => this.#board.solved(name, direction));
    sync.upToDate$.subscribe(() => this.#board.upToDate(name));
    return sync;
  }

  /** From now on this tab syncs for all tabs. */
  #lead(): void {
    if (this.#closed.signal.aborted) return;
    this.#leads = true;
    this.#watching.push(
      this.#reach.state$.subscribe((state) => this.#reached(state)),
      this.#board.status$.subscribe((status) => this.#tabs.send({ kind: 'status', status })),
      this.conflicts.watch().subscribe((open) => this.#board.set({ conflicts: open.length })),
    );
    for (const [name, sync] of this.#syncs) {
      this.#watching.push(sync.replication.active$.subscribe((is) => this.#board.active(name, is)));
      void sync.follow((unsent) => this.#board.pending(name, unsent));
    }
  }

  #wasAway = false;

  /** After a request without an answer, the board does not know whether the collections are up to date, and the
   *  socket may have stayed open. So each collection pulls once. */
  #reached(state: Reachable): void {
    this.#board.set({ online: state === 'yes' });
    if (state === 'yes' && this.#wasAway) for (const sync of this.#syncs.values()) sync.resync();
    this.#wasAway = state === 'no';
  }

  #onMessage(message: TabMessage): void {
    if (this.#leads) {
      if (message.kind === 'hello') this.#tabs.send({ kind: 'status', status: this.#board.status });
      if (message.kind === 'resync') this.resync();
      if (message.kind === 'rebuild') this.rebuild();
    } else if (message.kind === 'status') {
      this.#board.replace(message.status);
    } else if (message.kind === 'rejection') {
      this.#rejections.next(message.rejection);
    }
  }

  async #end(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(new Error('the replica is closed'));
    for (const watch of this.#watching) watch.unsubscribe();
    this.#reach.close();
    await Promise.all([...this.#syncs.values()].map((sync) => sync.stop()));
    await this.#stream.close();
    this.#tabs.close();
    this.#board.close();
    this.#rejections.complete();
  }
}
