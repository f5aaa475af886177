// The small parts by themselves.

import { describe, expect, test } from 'vitest';

import { documentsOf, withoutNulls } from '../src/documents.js';
import { MOST_COLLECTIONS, deriveSchema, merged, openReplica, type Conflict } from '../src/index.js';
import { checked } from '../src/settings.js';
import { Tokens } from '../src/tokens.js';

const SCHEMA = deriveSchema('Task', [
  { name: 'id', type: { kind: 'NON_NULL', name: null } },
  { name: 'title', type: { kind: 'SCALAR', name: 'String' } },
  { name: 'priority', type: { kind: 'SCALAR', name: 'Int' } },
  { name: 'weight', type: { kind: 'SCALAR', name: 'Float' } },
  { name: 'done', type: { kind: 'SCALAR', name: 'Boolean' } },
  { name: 'details', type: { kind: 'SCALAR', name: 'Json' } },
  { name: '_deleted', type: { kind: 'NON_NULL', name: null } },
]);

function board(count: number) {
  const names = Array.from({ length: count }, (_, place) => `c${place}`);
  const one = { entity: 'Task', schema: SCHEMA as never };
  return { url: 'http://127.0.0.1:1/graphql', name: 'board', collections: Object.fromEntries(names.map((name) => [name, one])) };
}

describe('schemas', () => {
  test('one key', () => {
    expect(SCHEMA).toEqual({
      title: 'Task',
      version: 0,
      primaryKey: 'id',
      type: 'object',
      properties: {
        id: { type: 'string', maxLength: 255 },
        title: { type: 'string' },
        priority: { type: 'integer' },
        weight: { type: 'number' },
        done: { type: 'boolean' },
        details: {},
      },
      required: ['id'],
    });
  });

  test('a composite key is joined', () => {
    const key = { kind: 'NON_NULL', name: null };
    const fields = ['taskId', 'labelId', 'id', '_deleted'].map((name) => ({ name, type: key }));
    const schema = deriveSchema('TaskLabel', fields);
    expect(schema.primaryKey).toEqual({ key: 'id', fields: ['taskId', 'labelId'], separator: '|' });
    expect(schema.properties.id).toEqual({ type: 'string', maxLength: 512 });
    const documents = documentsOf('TaskLabel', schema as never);
    expect(documents.keyOf({ taskId: 'a', labelId: 7 })).toBe('a|7');
    expect(documents.push).toContain('($rows: [TaskLabelInputPushRow!]) { pushTaskLabel(taskLabelPushRow: $rows)');
  });

  test('nulls are left out, and nothing else', () => {
    expect(withoutNulls({ id: 'a', body: null, done: false, count: 0, text: '' })).toEqual({ id: 'a', done: false, count: 0, text: '' });
  });
});

describe('settings', () => {
  test('defaults', () => {
    expect(checked(board(1))).toMatchObject({ socketUrl: 'ws://127.0.0.1:1/graphql', batchSize: 100, retryTime: 5_000, multiInstance: false });
  });

  test('what is refused', async () => {
    expect(() => checked(board(0))).toThrow('at least one');
    expect(() => checked(board(MOST_COLLECTIONS))).not.toThrow();
    expect(() => checked(board(MOST_COLLECTIONS + 1))).toThrow('14 collections: RxDB without a licence opens at most 13');
    expect(() => checked({ ...board(1), batchSize: 10_001 })).toThrow('from 1 to 10000');
    expect(() => checked({ ...board(1), retryTime: 0 })).toThrow('retryTime');
    await expect(openReplica({ ...board(1), collections: { task: { entity: 'task', schema: SCHEMA as never } } })).rejects.toThrow('not the name');
  });
});

describe('merging', () => {
  interface Task {
    title?: string;
    body?: string;
  }
  const conflict = (assumed: Task | undefined, client: Task & { _deleted?: boolean }, server: Task): Conflict<Task> => ({
    id: '1',
    collection: 'task',
    key: 'a',
    assumed: assumed && { _deleted: false, ...assumed },
    client: { _deleted: false, ...client },
    server: { _deleted: false, ...server },
  });

  test.each([
    ['different fields', { title: 'a' }, { title: 'b' }, { title: 'a', body: 'x' }, { title: 'b', body: 'x', _deleted: false }],
    ['a field taken away', { title: 'a', body: 'x' }, { title: 'a' }, { title: 'b', body: 'x' }, { title: 'b', _deleted: false }],
    ['the same edit twice', { title: 'a' }, { title: 'b' }, { title: 'b' }, { title: 'b', _deleted: false }],
    ['the same field', { title: 'a' }, { title: 'b' }, { title: 'c' }, undefined],
    ['a delete', { title: 'a' }, { title: 'a', _deleted: true }, { title: 'b' }, undefined],
    ['nothing known before', undefined, { title: 'a' }, { title: 'b' }, undefined],
  ])('%s', (_name, assumed, client, server, kept) => {
    expect(merged(conflict(assumed, client, server))).toEqual(kept);
  });
});

describe('tokens', () => {
  const jwt = (seconds: number) => `x.${btoa(JSON.stringify({ exp: Date.now() / 1_000 + seconds }))}.x`;

  test('asked for once while it lasts', async () => {
    let asked = 0;
    const tokens = new Tokens(() => `token ${(asked += 1)}`);
    expect([await tokens.get(), await tokens.get()]).toEqual(['token 1', 'token 1']);
    await tokens.refused('another');
    expect(await tokens.get()).toBe('token 1');
    await tokens.refused('token 1');
    expect(await tokens.get()).toBe('token 2');
  });

  test('asked for again when it is about to end', async () => {
    const given = [jwt(5), jwt(3_600)];
    const tokens = new Tokens(() => given.shift());
    await tokens.get();
    const lasting = await tokens.get();
    expect(await tokens.get()).toBe(lasting);
    expect(given).toEqual([]);
  });

  test('a source that fails is asked again', async () => {
    let asked = 0;
    const tokens = new Tokens(async () => {
      if ((asked += 1) === 1) throw new Error('no session');
      return 'token';
    });
    await expect(tokens.get()).rejects.toThrow('no session');
    expect(await tokens.get()).toBe('token');
  });
});
