// The GraphQL documents of one collection, and what its rows look like on either side.

import type { RxJsonSchema } from 'rxdb';

import type { SchemaFile } from './schema.js';

/** A row as it is sent and received: the fields of `TaskDocument`. */
export type Row = Record<string, unknown> & { _deleted: boolean };

export interface Checkpoint {
  cursor: string;
  /** The id of the rebuild that is under way (see `rebuild.ts`), or empty when it is done. */
  rebuild?: string;
}

/** What a pull returns and a stream delivers. */
export interface Bulk {
  documents: Row[];
  checkpoint: Checkpoint;
}

export interface Documents {
  pull: string;
  push: string;
  stream: string;
  /** The root fields in the answers. */
  fields: { pull: string; push: string; stream: string };
  /** The fields that make up the key, `id` included where they are joined. */
  keyFields: string[];
  /** A row's key as RxDB knows it. */
  keyOf(row: Record<string, unknown>): string;
  /** The key as RxDB knows it, from a key with the names of the server's columns: `{task_id, label_id}`. */
  keyOfColumns(key: Record<string, unknown>): string;
}

export function documentsOf<T>(entity: string, schema: RxJsonSchema<T> | SchemaFile): Documents {
  const selection = [...Object.keys(schema.properties), '_deleted'].join(' ');
  const fields = { pull: `pull${entity}`, push: `push${entity}`, stream: `stream${entity}` };
  const rows = `${entity.charAt(0).toLowerCase()}${entity.slice(1)}PushRow`;
  const bulk = `{ documents { ${selection} } checkpoint { cursor } }`;
  const { primaryKey } = schema;
  const keyOf = (row: Record<string, unknown>) =>
    typeof primaryKey === 'string'
      ? String(row[primaryKey])
      : primaryKey.fields.map((field) => String(row[field as string])).join(primaryKey.separator);
  return {
    pull:
      `query Pull${entity}($checkpoint: ${entity}InputCheckpoint, $limit: Int!) ` +
      `{ ${fields.pull}(checkpoint: $checkpoint, limit: $limit) ${bulk} }`,
    push:
      `mutation Push${entity}($rows: [${entity}InputPushRow!]) ` +
      `{ ${fields.push}(${rows}: $rows) { ${selection} } }`,
    stream: `subscription Stream${entity} { ${fields.stream} ${bulk} }`,
    fields,
    keyFields: typeof primaryKey === 'string' ? [primaryKey] : [...primaryKey.fields.map(String), String(primaryKey.key)],
    keyOf,
    keyOfColumns: (key) => keyOf(Object.fromEntries(Object.entries(key).map(([name, value]) => [fieldOf(name), asSent(value)]))),
  };
}

/** The row without nulls, which no schema of RxDB accepts. To the server an absent field means the same. */
export function withoutNulls<R extends object>(row: R): R {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as R;
}

/** A key's value as it was sent, if the server could not read it and returns its text. */
function asSent(value: unknown): unknown {
  const text = (value as { $unreadable?: unknown } | null)?.$unreadable;
  return typeof text === 'string' ? JSON.parse(text) : value;
}

/** The name of a column in GraphQL. */
function fieldOf(column: string): string {
  return column.replace(/_+([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());
}
