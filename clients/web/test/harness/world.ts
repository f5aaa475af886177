// A server, its clients, and the question that ends every test: do all of them have the same?

import { randomUUID } from 'node:crypto';

import { onTestFinished } from 'vitest';

import { documentsOf } from '../../src/documents.js';
import type { RxJsonSchema } from 'rxdb';
import { BareClient, PackageClient, fetchSchemas, type Choices, type Client } from './client.js';
import { Network } from './network.js';
import { ENTITIES, NAMES, comparable, type Name, type Task } from './rows.js';
import { SERVERS, type Most, type Server } from './server.js';
import { until, untilEqual } from './until.js';

export type Kind = typeof PackageClient | typeof BareClient;

/** Every kind of client with every server. */
export const PAIRS: [string, Kind, (most?: Most) => Promise<Server>][] = SERVERS.flatMap(([server, start]) => [
  [`the package and ${server}`, PackageClient, start] as [string, Kind, typeof start],
  [`RxDB alone and ${server}`, BareClient, start] as [string, Kind, typeof start],
]);

interface Bulk {
  documents: Record<string, unknown>[];
  checkpoint: { cursor: string };
}

export class World {
  readonly server: Server;
  readonly #schemas: Map<string, unknown>;
  readonly #clients: Client[] = [];
  /** A project for tasks to be in. */
  readonly project = randomUUID();

  private constructor(server: Server, schemas: Map<string, unknown>) {
    this.server = server;
    this.#schemas = schemas;
  }

  static async begin(start: () => Promise<Server>): Promise<World> {
    const server = await start();
    onTestFinished(() => server.finish());
    const world = new World(server, await fetchSchemas(server.url));
    await world.push('project', { id: world.project, name: 'Refit', archived: false, _deleted: false });
    return world;
  }

  async client<K extends Kind>(kind: K, choices: Choices = {}): Promise<InstanceType<K>> {
    const network = await Network.to(() => this.server.url);
    onTestFinished(() => network.close());
    const client = new kind(network, choices, this.#schemas);
    await client.open();
    onTestFinished(() => client.close());
    this.#clients.push(client);
    return client as InstanceType<K>;
  }

  async ask(query: string, variables: Record<string, unknown>) {
    const body = JSON.stringify({ query, variables });
    // A connection that was kept may be one to a server that was killed.
    const send = () => fetch(this.server.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const response = await send().catch(send);
    return (await response.json()) as {
      data?: Record<string, unknown>;
      errors?: { message: string; extensions?: { code?: string } }[];
      extensions?: { rejections?: { key: unknown; code: string; conflictId: string | null }[] };
    };
  }

  #documents(name: Name) {
    const entity = ENTITIES[name];
    return documentsOf(entity, this.#schemas.get(entity) as RxJsonSchema<object>);
  }

  /** Pushes one row, as somebody else's client would. */
  async push(name: Name, newDocumentState: Record<string, unknown>, assumedMasterState?: unknown) {
    const rows = [{ newDocumentState, ...(assumedMasterState ? { assumedMasterState } : {}) }];
    const answer = await this.ask(this.#documents(name).push, { rows });
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer;
  }

  /** What the server has, as a first pull returns it. */
  async rows(name: Name): Promise<Record<string, unknown>[]> {
    const { pull, fields } = this.#documents(name);
    const found = new Map<string, Record<string, unknown>>();
    for (let checkpoint: unknown = null; ; ) {
      const { data, errors } = await this.ask(pull, { checkpoint, limit: 1_000 });
      if (errors) throw new Error(JSON.stringify(errors));
      const bulk = data?.[fields.pull] as Bulk;
      for (const row of bulk.documents) found.set(String(row.id), row);
      if (bulk.documents.length < 1_000) return [...found.values()];
      checkpoint = bulk.checkpoint;
    }
  }

  async task(id: string): Promise<(Task & { _deleted: boolean }) | undefined> {
    return (await this.rows('task')).find((row) => row.id === id) as (Task & { _deleted: boolean }) | undefined;
  }

  /** Has somebody else make a task. */
  async create(task: Partial<Task> = {}): Promise<string> {
    const id = task.id ?? randomUUID();
    const row = { projectId: this.project, title: 'Caulk', status: 'todo', priority: 0, ...task, id, _deleted: false };
    await this.push('task', row);
    return id;
  }

  /** Has somebody else, who knows the row as it is, change it. */
  async edit(id: string, patch: Record<string, unknown>): Promise<void> {
    const now = await this.task(id);
    await this.push('task', { ...now, ...patch }, now);
  }

  async #content(): Promise<Record<Name, unknown>> {
    const parts = await Promise.all(NAMES.map(async (name) => [name, comparable(await this.rows(name))] as const));
    return Object.fromEntries(parts) as Record<Name, unknown>;
  }

  /** Waits until every client has sent its edits and has what the server has. */
  async converges(leaveOut: string[] = []): Promise<void> {
    for (const client of this.#clients) {
      if (client.database.closed) continue;
      await until('the edits to be sent', async () => (await client.pending()) === 0);
      const without = (content: unknown) => JSON.stringify(content, (field, value) => (leaveOut.includes(field) ? undefined : value));
      const equal = async () => {
        const [here, there] = [await client.content(), await this.#content()];
        return without(here) === without(there) ? true : undefined;
      };
      const name = 'the client to have what the server has';
      await until(name, equal, client.knownToMiss).catch(async () => {
        client.reconnect();
        await untilEqual(name, () => client.content(), await this.#content());
      });
    }
  }
}
