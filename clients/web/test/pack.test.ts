// What is published: only what belongs there, and it works in a project that has nothing else.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, onTestFinished, test } from 'vitest';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

const PROGRAM = `
  import * as all from '@seachange/web';
  const names = Object.keys(all).sort();
  const derived = all.deriveSchema('Label', [{ name: 'id', type: { kind: 'NON_NULL', name: null } }]);
  console.log(JSON.stringify({ names, key: derived.primaryKey }));
`;

const TYPED = `
  import { openReplica, type Status } from '@seachange/web';
  import label from './label.json';
  interface Task { id: string; title?: string }
  const schema = { title: 'Task', version: 0, primaryKey: 'id', type: 'object', properties: { id: { type: 'string', maxLength: 36 }, title: { type: 'string' } }, required: ['id'] } as const;
  export async function open(): Promise<Status> {
    const replica = await openReplica<{ task: Task; label: { id: string } }>({ url: 'http://127.0.0.1:8080/graphql', name: 'board', collections: { task: { entity: 'Task', schema, conflict: ({ client, server }) => ({ ...server, ...client }) }, label: { entity: 'Label', schema: label } } });
    const found: Task | undefined = (await replica.collections.task.findOne('a').exec())?.toMutableJSON();
    // @ts-expect-error there is no such collection
    replica.collections.nothing;
    console.log(found?.title);
    return replica.status;
  }
`;

test('the package', { timeout: 300_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'seachange-pack-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await run('npm', ['run', 'build'], { cwd: HERE });
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: HERE });
  const [{ filename, files }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }];
  const outside = files.map(({ path }) => path).filter((path) => !path.startsWith('dist/'));
  expect(outside.sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
  const inside = files.map(({ path }) => path).filter((path) => path.startsWith('dist/'));
  expect(inside).toContain('dist/index.js');
  expect(inside).toContain('dist/index.d.ts');
  expect(inside.filter((path) => !/^dist\/[\w-]+(\.d\.ts|\.js)$/.test(path))).toEqual([]);

  await writeFile(join(folder, 'package.json'), '{"name": "empty", "private": true, "type": "module"}');
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', ...quiet, join(folder, filename), 'rxjs@7.8.2'], { cwd: folder });
  await writeFile(join(folder, 'program.mjs'), PROGRAM);
  const { stdout } = await run('node', ['program.mjs'], { cwd: folder });
  const said = JSON.parse(stdout) as { names: string[]; key: string };
  expect(said.key).toBe('id');
  expect(said.names).toEqual([
    'ApiError',
    'MOST_COLLECTIONS',
    'Replica',
    'Unreachable',
    'deriveSchema',
    'fetchSchema',
    'merged',
    'openReplica',
  ]);
  const usage = await run(join(folder, 'node_modules/.bin/seachange-schema'), []).catch((error: unknown) => error);
  expect(usage).toMatchObject({ code: 2, stderr: expect.stringContaining('usage') });

  // The types are what they say, for those who check their libraries, too strict or not.
  await writeFile(join(folder, 'typed.ts'), TYPED);
  const label = { title: 'Label', version: 0, primaryKey: 'id', type: 'object', properties: { id: { type: 'string', maxLength: 36 } }, required: ['id'] };
  await writeFile(join(folder, 'label.json'), JSON.stringify(label));
  const strict = ['--strict', '--noEmit', '--skipLibCheck', '--target', 'es2022', '--module', 'esnext'];
  const bundler = ['--moduleResolution', 'bundler', '--resolveJsonModule', 'typed.ts'];
  await run(join(HERE, 'node_modules/.bin/tsc'), [...strict, ...bundler], { cwd: folder }).catch((error: { stdout: string }) => {
    throw new Error(error.stdout);
  });
  const manifest = JSON.parse(await readFile(join(folder, 'node_modules/@seachange/web/package.json'), 'utf8')) as object;
  expect(manifest).toMatchObject({ name: '@seachange/web', license: 'MIT OR Apache-2.0' });
});
