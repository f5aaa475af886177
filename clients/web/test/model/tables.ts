// The model's tables in memory: pull, push and conflicts by the rules of the contract, without a database.

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import { GraphQLError } from 'graphql';
import { Subject } from 'rxjs';

import { ENTITIES, MANAGED, type ModelEntity } from './schema.js';

export type Row = Record<string, unknown>;
export interface PushRow {
  assumedMasterState?: Row | null;
  newDocumentState: Row;
}
export interface Rejected {
  key: Row;
  code: string;
  reason: string;
  conflictId: string;
}
interface Stored {
  row: Row;
  at: number;
}

export function fault(code: string): GraphQLError {
  return new GraphQLError(code, { extensions: { code } });
}

/** Whether it is a text with half of a surrogate pair, which the server cannot read. */
function isBroken(value: unknown): boolean {
  return typeof value === 'string' && /\p{Surrogate}/u.test(value);
}

function shown(value: unknown): unknown {
  return isBroken(value) ? { $unreadable: JSON.stringify(value) } : value;
}

export class Tables {
  readonly #rows = new Map<string, Map<string, Stored>>();
  readonly inbox: Row[] = [];
  readonly changed = new Subject<{ entity: string; from: number }>();
  readonly filed = new Subject<Row>();
  #epoch = randomUUID().slice(0, 8);
  #horizon = 0;
  /** Keys of the rows in the batch under way. */
  #givenUp = new Set<string>();
  head = 0;

  #table(entity: string): Map<string, Stored> {
    const table = this.#rows.get(entity) ?? new Map<string, Stored>();
    this.#rows.set(entity, table);
    return table;
  }

  /** A place in the log. Within the first pull of a client, which goes through the table, also where the
   *  log was when it began: that is what retention may not overtake. */
  cursor(at = this.head, began = 0): string {
    return `${this.#epoch}:${at}:${began}`;
  }

  #position(cursor: string): { after: number; began: number } {
    const [epoch, at, began] = cursor.split(':');
    if (epoch !== this.#epoch) throw fault('RESYNC_REQUIRED');
    if (Math.max(Number(at), Number(began)) < this.#horizon) throw fault('CURSOR_EXPIRED');
    return { after: Number(at), began: Number(began) };
  }

  pull(entity: string, cursor: string | undefined, limit: number) {
    if (limit > 10_000) throw fault('LIMIT_EXCEEDED');
    const { after, began } = cursor === undefined ? { after: 0, began: this.head } : this.#position(cursor);
    const found = this.since(entity, after).slice(0, limit);
    const end = found.length < limit ? this.head : (found.at(-1)?.at ?? after);
    return { documents: found.map(({ row }) => row), checkpoint: { cursor: this.cursor(end, began) } };
  }

  since(entity: string, after: number): Stored[] {
    return [...this.#table(entity).values()].filter(({ at }) => at > after).sort((a, b) => a.at - b.at);
  }

  get(entity: string, key: string): Row | undefined {
    return this.#table(entity).get(key)?.row;
  }

  /** Forgets tombstones and the way that led here. */
  prune(): void {
    for (const table of this.#rows.values()) {
      for (const [key, { row }] of table) if (row._deleted) table.delete(key);
    }
    this.#horizon = this.head;
  }

  /** What a copy of the database holds, and how to go back to it. */
  copy(): () => void {
    const rows = structuredClone(this.#rows);
    return () => {
      this.#rows.clear();
      for (const [entity, table] of rows) this.#rows.set(entity, table);
      this.#epoch = randomUUID().slice(0, 8);
    };
  }

  push(entity: ModelEntity, rows: PushRow[], rejections: Rejected[]): Row[] {
    const from = this.head;
    const answer: Row[] = [];
    this.#givenUp = new Set(rows.map(({ newDocumentState }) => String(newDocumentState.id)));
    for (const { assumedMasterState, newDocumentState } of rows) {
      const key = entity.keys.map((field) => String(newDocumentState[field])).join('|');
      const differs = this.#pushOne(entity, key, assumedMasterState ?? undefined, newDocumentState, rejections);
      if (differs) answer.push(differs);
    }
    this.#givenUp = new Set();
    if (this.head > from) this.changed.next({ entity: entity.name, from });
    return answer;
  }

  #pushOne(entity: ModelEntity, key: string, base: Row | undefined, next: Row, rejections: Rejected[]) {
    const now = this.get(entity.name, key);
    // Of a row that was refused, what is certainly valid: the key.
    const fields = Object.fromEntries(entity.keys.map((field) => [field, next[field]]));
    const isNamed = !Object.values(fields).some((value) => isBroken(value));
    const tombstone = () => now ?? { ...this.#canonical(entity, key, fields), _deleted: true };
    const file = (code: string, status: string) => {
      const id = randomUUID();
      const sent = Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, shown(value)]));
      rejections.push({ key: columns(sent), code, reason: reasonOf(code, next), conflictId: id });
      this.#file({ id, entity: tableOf(entity), key, status, reason: code, assumed: base, server: now, client: next });
      return isNamed ? tombstone() : undefined;
    };
    if (!isNamed) return file('BAD_INPUT', 'REJECTED');
    if (now && same(now, next)) return undefined;
    if (!now && next._deleted) return undefined;
    if (!now && base && !base._deleted) return file('CONFLICT', 'OPEN');
    if (now && (!base || !same(now, base))) {
      if (entity.policy === 'manual') return file('CONFLICT', 'OPEN');
      if (entity.policy === 'merge') {
        const joined = join(now, base, next);
        if (!joined) return file('CONFLICT', 'OPEN');
        return this.#store(entity, key, joined);
      }
    }
    const code = this.#refusal(entity, next);
    if (code) return file(code, 'REJECTED');
    this.#store(entity, key, next);
    return undefined;
  }

  #refusal(entity: ModelEntity, next: Row): string | undefined {
    const known = [...Object.keys(entity.fields), ...entity.keys, ...MANAGED];
    if (Object.keys(next).some((field) => !known.includes(field))) return 'BAD_INPUT';
    if ('priority' in next && !Number.isInteger(next.priority)) return 'BAD_INPUT';
    if (isBroken(next.title)) return 'BAD_INPUT';
    if (next.title === 'forbidden') return 'FORBIDDEN';
    // What the rows of a batch have before it does not count: it is judged by its end.
    const twin = (row: Row) => !row._deleted && row.name === next.name && !this.#givenUp.has(String(row.id));
    if (entity.name === 'Label' && this.since('Label', 0).some(({ row }) => twin(row))) return 'CONFLICT';
    for (const [field, parent] of Object.entries(entity.parents)) {
      const row = this.get(parent, String(next[field]));
      if (!next._deleted && (!row || row._deleted)) return 'CONFLICT';
    }
    return undefined;
  }

  #canonical(entity: ModelEntity, key: string, row: Row): Row {
    return { ...row, ...(entity.keys.length > 1 ? { id: key } : {}), _deleted: row._deleted === true };
  }

  #store(entity: ModelEntity, key: string, row: Row): Row {
    const stamp = new Date().toISOString();
    const created = this.get(entity.name, key)?.createdAt ?? stamp;
    const times = entity.fields.createdAt ? { createdAt: created, updatedAt: stamp } : {};
    const stored = { ...this.#canonical(entity, key, row), ...times };
    this.#givenUp.delete(key);
    this.#table(entity.name).set(key, { row: stored, at: (this.head += 1) });
    return stored;
  }

  #file(entry: Row): void {
    const filed = { ...entry, actor: null, recordedAt: new Date().toISOString(), resolvedAt: null };
    this.inbox.push(filed);
    this.filed.next(filed);
  }

  /** The row with the fields that an entry's edit changed, or all of it where there is none. */
  #edit(entity: ModelEntity, { key, assumed, client }: Row): Row {
    const now = this.get(entity.name, String(key));
    const [base, next] = [assumed as Row | undefined, client as Row];
    if (!now || now._deleted || !base || base._deleted || next._deleted) return next;
    const fields = Object.keys({ ...base, ...next });
    const changed = fields.filter((field) => !isDeepStrictEqual(base[field] ?? null, next[field] ?? null));
    return { ...now, ...Object.fromEntries(changed.map((field) => [field, next[field] ?? null])) };
  }

  /** The entries, those that wait with the row as it is. */
  entries(status?: string): Row[] {
    const wanted = this.inbox.filter((one) => !status || one.status === status);
    return wanted.map((one) => {
      const entity = ENTITIES.find((known) => tableOf(known) === one.entity);
      const now = entity && this.get(entity.name, String(one.key));
      return one.status === 'RESOLVED' || !now ? one : { ...one, server: now };
    });
  }

  resolve(id: string, use: string, data: Row | undefined): Row {
    const entry = this.inbox.find((one) => one.id === id);
    const entity = ENTITIES.find((one) => tableOf(one) === entry?.entity);
    if (!entry || !entity) throw fault('NOT_FOUND');
    if (use !== 'KEEP_SERVER') {
      const from = this.head;
      this.#store(entity, String(entry.key), { ...(use === 'USE_DATA' ? data : this.#edit(entity, entry)) });
      this.changed.next({ entity: entity.name, from });
    }
    Object.assign(entry, { status: 'RESOLVED', resolvedAt: new Date().toISOString() });
    this.filed.next(entry);
    return entry;
  }
}

/** As a sentence that names the fields. */
function reasonOf(code: string, row: Row): string {
  return `${code}: ${Object.keys(row).join(', ')}`;
}

/** The name of its table. */
function tableOf({ name }: ModelEntity): string {
  return name.replace(/\B[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** A key as the tables have it. */
function columns(fields: Row): Row {
  const column = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [column(field), value]));
}

function plain(row: Row): Row {
  const own = Object.entries(row).filter(([field, value]) => value != null && !MANAGED.includes(field));
  return { ...Object.fromEntries(own), _deleted: row._deleted === true };
}

function same(a: Row, b: Row): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

/** Both edits, unless they are of the same field or one is a delete. */
function join(now: Row, base: Row | undefined, next: Row): Row | undefined {
  if (!base || now._deleted || next._deleted || base._deleted) return undefined;
  const joined = { ...now };
  for (const field of Object.keys({ ...base, ...next })) {
    if (MANAGED.includes(field) || isDeepStrictEqual(base[field] ?? null, next[field] ?? null)) continue;
    const theirs = !isDeepStrictEqual(base[field] ?? null, now[field] ?? null);
    if (theirs && !isDeepStrictEqual(now[field] ?? null, next[field] ?? null)) return undefined;
    joined[field] = next[field] ?? null;
  }
  return joined;
}
