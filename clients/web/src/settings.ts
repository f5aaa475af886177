// What the caller says: the server, the local database and its collections.
//
// Guarantees: after `checked`, every number is within its bounds and every collection can be opened.

import type { RxDatabaseCreator, RxJsonSchema, RxStorage } from 'rxdb';

import type { Conflict } from './resolution.js';
import type { SchemaFile } from './schema.js';

/** RxDB without a licence opens so many collections at once, in all databases of a page together. */
export const MOST_COLLECTIONS = 13;

/** Rows a page of the server may have. */
const MOST_ROWS = 10_000;

/**
 * What to do about an edit that the server put into its conflict inbox.
 *
 * - `server` (default): nothing; it waits in the inbox for a person.
 * - `merge`: edits of different fields are joined; the same field edited on both sides waits.
 * - a function: the document to keep, or undefined to leave it in the inbox. It may take its time to
 *   ask somebody: nothing waits for it.
 */
export type ConflictPolicy<T> =
  | 'server'
  | 'merge'
  | ((conflict: Conflict<T>) => T | undefined | Promise<T | undefined>);

/** One table of the server, kept in one collection. */
export interface CollectionSettings<T> {
  /** The entity's GraphQL name, as in `pullTask`: `Task`. */
  entity: string;
  /** As `seachange-schema` derives it from the server, or RxDB's own with its types. */
  schema: RxJsonSchema<T> | SchemaFile;
  /** Fields that the server stamps. Default: `createdAt` and `updatedAt`. */
  stamped?: string[];
  conflict?: ConflictPolicy<T>;
  /** Told of each edit that went to the inbox. */
  onConflict?: (conflict: Conflict<T>) => void;
  /** RxDB's, for a schema whose version grew; needs RxDB's migration plugin. */
  migrationStrategies?: Record<number, (document: Record<string, unknown>) => unknown>;
}

/** Names of collections and the types of their documents, as an interface or a type. */
export type Shape<D> = { [K in keyof D]: object };

export interface ReplicaSettings<D extends Shape<D>> {
  /** The GraphQL address, `http:` or `https:`; the socket's is derived from it. */
  url: string;
  /** The socket's address, where it is another. */
  socketUrl?: string;
  /** The local database's name. */
  name: string;
  /** Where it is stored. Default: IndexedDB, by Dexie. */
  storage?: RxStorage<unknown, unknown>;
  /** A bearer token; asked for again when it has expired or was refused. */
  token?: () => string | undefined | Promise<string | undefined>;
  collections: { [K in keyof D]: CollectionSettings<D[K]> };
  /** Rows a pull or push has at most: 1 to 10,000, default 100. */
  batchSize?: number;
  /** Milliseconds between attempts at what the server could not do just now. Default 5,000. */
  retryTime?: number;
  /** Milliseconds a request may take before it counts as lost. Default 30,000. */
  requestTimeout?: number;
  /** Whether tabs share the database, and one of them syncs. Default: true in a browser. */
  multiInstance?: boolean;
  /** A `WebSocket` for where there is none (Node before 22). */
  webSocket?: unknown;
  /** Further settings of RxDB's `createRxDatabase`. */
  database?: Partial<Omit<RxDatabaseCreator, 'name' | 'storage' | 'multiInstance'>>;
}

/** The settings with every default filled in, but for what may be absent. */
export type Checked<D extends Shape<D>> = ReplicaSettings<D> &
  Required<
    Pick<ReplicaSettings<D>, 'socketUrl' | 'batchSize' | 'retryTime' | 'requestTimeout' | 'multiInstance'>
  >;

export function checked<D extends Shape<D>>(settings: ReplicaSettings<D>): Checked<D> {
  const url = new URL(settings.url, globalThis.location?.href);
  const names = Object.keys(settings.collections);
  if (names.length === 0) throw new Error('a replica needs at least one collection');
  if (names.length > MOST_COLLECTIONS) {
    throw new Error(
      `${names.length} collections: RxDB without a licence opens at most ${MOST_COLLECTIONS} at once`,
    );
  }
  for (const name of names) {
    const { entity } = settings.collections[name as keyof D];
    if (!/^[A-Z]\w*$/.test(entity)) throw new Error(`${name}: ${entity} is not the name of an entity`);
  }
  return {
    ...settings,
    url: url.href,
    socketUrl: settings.socketUrl ?? url.href.replace(/^http/, 'ws'),
    batchSize: within('batchSize', settings.batchSize ?? 100, 1, MOST_ROWS),
    retryTime: within('retryTime', settings.retryTime ?? 5_000, 1, 3_600_000),
    requestTimeout: within('requestTimeout', settings.requestTimeout ?? 30_000, 1, 3_600_000),
    multiInstance: settings.multiInstance ?? typeof document !== 'undefined',
  };
}

function within(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name} is ${value}; it must be a whole number from ${least} to ${most}`);
}
