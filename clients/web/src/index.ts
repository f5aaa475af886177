// Offline copies of a seachange server's tables, on RxDB.

export { openReplica, Replica, type Collections } from './replica.js';
export {
  MOST_COLLECTIONS,
  type CollectionSettings,
  type ConflictPolicy,
  type ReplicaSettings,
  type Shape,
} from './settings.js';
export { merged, type Conflict, type Rejection } from './resolution.js';
export type { ConflictStatus, Inbox, InboxEntry, InboxPage, Resolution } from './conflicts.js';
export type { Status } from './status.js';
export type { Problem } from './sync.js';
export { ApiError, Unreachable } from './transport.js';
export { deriveSchema, fetchSchema, type DerivedSchema, type DocumentField, type SchemaFile } from './schema.js';
