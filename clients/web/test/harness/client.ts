// A client of the package, as a page would open it. It survives its page: Dexie on an IndexedDB in memory.

import 'fake-indexeddb/auto';

import { randomUUID } from 'node:crypto';

import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import type { RxJsonSchema } from 'rxdb';

import { fetchSchema, openReplica, type CollectionSettings, type Rejection, type Replica, type ReplicaSettings } from '../../src/index.js';
import { until, untilEqual } from './until.js';

export interface Project {
  id: string;
  name?: string;
  owner?: string;
  archived?: boolean;
}

export interface Task {
  id: string;
  projectId?: string;
  title?: string;
  body?: string;
  status?: string;
  priority?: number;
  estimate?: string;
  dueOn?: string;
  details?: unknown;
  owner?: string;
  createdAt?: string;
  updatedAt?: string;
}

export interface TaskLabel {
  id?: string;
  taskId: string;
  labelId: string;
}

export type Board = { project: Project; task: Task; taskLabel: TaskLabel };

export interface Choices {
  name?: string;
  batchSize?: number;
  token?: () => string | undefined | Promise<string | undefined>;
  project?: Partial<CollectionSettings<Project>>;
  task?: Partial<CollectionSettings<Task>>;
  requestTimeout?: number;
  retryTime?: number;
}

/** Schemas, asked for once for each server. */
const schemas = new Map<string, Promise<unknown>>();
async function schemaOf<T>(url: string, entity: string): Promise<RxJsonSchema<T>> {
  const key = `${url} ${entity}`;
  const known = schemas.get(key) ?? fetchSchema(url, entity);
  schemas.set(key, known);
  return (await known) as RxJsonSchema<T>;
}

export class Client {
  replica!: Replica<Board>;
  readonly rejections: Rejection[] = [];
  readonly #settings: ReplicaSettings<Board>;

  private constructor(settings: ReplicaSettings<Board>) {
    this.#settings = settings;
  }

  static async open(url: string, choices: Choices = {}): Promise<Client> {
    const { name, project, task, ...rest } = choices;
    const client = new Client({
      url,
      name: name ?? `client-${randomUUID()}`,
      webSocket: WebSocket,
      retryTime: 100,
      multiInstance: false,
      collections: {
        project: { entity: 'Project', schema: await schemaOf<Project>(url, 'Project'), ...project },
        task: { entity: 'Task', schema: await schemaOf<Task>(url, 'Task'), ...task },
        taskLabel: { entity: 'TaskLabel', schema: await schemaOf<TaskLabel>(url, 'TaskLabel') },
      },
      ...rest,
    });
    await client.reopen();
    onTestFinished(() => client.close());
    return client;
  }

  /** Opens the page (again), on the data that is there. */
  async reopen(): Promise<void> {
    this.replica = await openReplica<Board>(this.#settings);
    this.replica.rejections$.subscribe((rejection) => this.rejections.push(rejection));
  }

  /** Closes the page. */
  async close(): Promise<void> {
    if (!this.replica.database.closed) await this.replica.close();
  }

  async task(id: string): Promise<Task | undefined> {
    return (await this.replica.collections.task.findOne(id).exec())?.toMutableJSON();
  }

  async title(id: string): Promise<string | undefined> {
    return (await this.task(id))?.title;
  }

  async edit(id: string, patch: Partial<Task>): Promise<void> {
    const found = await this.replica.collections.task.findOne(id).exec(true);
    await found.incrementalPatch(patch);
  }

  async remove(id: string): Promise<void> {
    const found = await this.replica.collections.task.findOne(id).exec(true);
    await found.incrementalRemove();
  }

  /** Waits until a task has this title here; undefined: until it is gone. */
  async sees(id: string, title: string | undefined): Promise<void> {
    await untilEqual(`the task ${id}`, () => this.title(id), title);
  }

  /** Waits until everything has been sent and nothing is under way. */
  async settled(): Promise<void> {
    await until('the client to settle', () => {
      const { online, syncing, pending, lastSynced } = this.replica.status;
      return online && !syncing && pending === 0 && lastSynced;
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.replica.status)}`);
    });
  }

  async pending(count: number): Promise<void> {
    await untilEqual('the number of unsent edits', () => this.replica.status.pending, count);
  }
}
