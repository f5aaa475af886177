// The settings of a replica: the server, the local database and its collections.
//
// Guarantees that after `checked` every number is within its bounds and every collection can be opened.

import type { RxDatabaseCreator, RxJsonSchema, RxStorage } from 'rxdb';

import type { Conflict } from './resolution.js';
import type { SchemaFile } from './schema.js';

/** The number of collections that RxDB without a licence opens at once, in all databases of a page together. */
export const MOST_COLLECTIONS = 13;

/** The number of rows that a page of the server may have. */
const MOST_ROWS = 10_000;

/**
 * What is done with an edit that the server put into its conflict inbox.
 *
 * - `server` (default): nothing. It waits in the inbox for a person.
 * - `merge`: edits of different fields are joined. If the same field was edited on both sides, it waits.
 * - a function: it returns the document to keep, or undefined to leave the edit in the inbox. It may take long,
 *   e.g. to ask the user, because nothing waits for it.
 */
export type ConflictPolicy<T> =
  | 'server'
  | 'merge'
  | ((conflict: Conflict<T>) => T | undefined | Promise<T | undefined>);

/** One table of the server, kept in one collection. */
export interface CollectionSettings<T> {
  /** The entity's GraphQL name, as in `pullTask`: `Task`. */
  entity: string;
  /** The schema: a file written by `seachange-schema`, or a schema with RxDB's types. */
  schema: RxJsonSchema<T> | SchemaFile;
  /** The fields that the server fills in. Default: `createdAt` and `updatedAt`. */
  stamped?: string[];
  conflict?: ConflictPolicy<T>;
  /** Called for each edit that went to the inbox. */
  onConflict?: (conflict: Conflict<T>) => void;
  /** RxDB's migration strategies, for a schema whose version grew; they need RxDB's migration plugin. */
  migrationStrategies?: Record<number, (document: Record<string, unknown>) => unknown>;
}

/** The names of collections and the types of their documents, as an interface or a type. */
export type Shape<D> = { [K in keyof D]: object };

export interface ReplicaSettings<D extends Shape<D>> {
  /** The address of the GraphQL API, `http:` or `https:`. The socket's address is derived from it. */
  url: string;
  /** The socket's address, if it cannot be derived from `url`. */
  socketUrl?: string;
  /** The name of the local database. */
  name: string;
  /** The storage of the local database. Default: IndexedDB, by Dexie. */
  storage?: RxStorage<unknown, unknown>;
  /** Returns a bearer token. It is called again when the token has expired or was refused. */
  token?: () => string | undefined | Promise<string | undefined>;
  collections: { [K in keyof D]: CollectionSettings<D[K]> };
  /** How many rows a pull or a push has at most: 1 to 10,000, default 100. */
  batchSize?: number;
  /** Milliseconds until a request that the server could not serve is tried again. Default 5,000. */
  retryTime?: number;
  /** How many milliseconds a request may take before it counts as lost. Default 30,000. */
  requestTimeout?: number;
  /** Whether tabs share the database and one of them syncs it for all. Default: true in a browser. */
  multiInstance?: boolean;
  /** An implementation of `WebSocket`, needed where there is none (Node before 22). */
  webSocket?: unknown;
  /** Further settings for RxDB's `createRxDatabase`. */
  database?: Partial<Omit<RxDatabaseCreator, 'name' | 'storage' | 'multiInstance'>>;
}

/** The settings with defaults filled in. */
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
