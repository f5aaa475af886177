// The edits that a person can make on the board. Each edit is written to the browser's database at once, and the
// replica sends it when it can.

import type { BoardReplica } from './board.js';
import type { Departures } from './departures.js';
import { STATUSES, type Project, type Task, type TaskStatus } from './tables.js';

/** The edited fields; undefined empties a field. */
export type Patch<T> = { [K in keyof T]?: T[K] | undefined };

export class Edits {
  readonly #replica: BoardReplica;
  readonly #departures: Departures;

  constructor(replica: BoardReplica, departures: Departures) {
    this.#replica = replica;
    this.#departures = departures;
  }

  async addProject(name: string): Promise<string> {
    const id = crypto.randomUUID();
    await this.#replica.collections.project.insert({ id, name, archived: false });
    return id;
  }

  async editProject(id: string, patch: Patch<Project>): Promise<void> {
    const found = await this.#replica.collections.project.findOne(id).exec();
    await found?.incrementalModify((row) => patched(row, patch));
  }

  async addTask(task: Pick<Task, 'projectId' | 'title' | 'status'> & Partial<Task>): Promise<string> {
    const id = crypto.randomUUID();
    await this.#replica.collections.task.insert({ priority: 0, ...task, id });
    return id;
  }

  async editTask(id: string, patch: Patch<Task>): Promise<void> {
    const found = await this.#replica.collections.task.findOne(id).exec();
    await found?.incrementalModify((row) => patched(row, patch));
  }

  /** Deletes the task and its comments. */
  async removeTask(id: string): Promise<void> {
    const comments = await this.#replica.collections.comment.find({ selector: { taskId: id } }).exec();
    for (const comment of comments) await comment.incrementalRemove();
    await this.#departures.follow(id, comments.map((comment) => comment.id));
  }

  async addComment(taskId: string, author: string, body: string): Promise<void> {
    const id = crypto.randomUUID();
    await this.#replica.collections.comment.insert({ id, taskId, author, body });
  }
}

/** Writes only the edited fields, so that what others change meanwhile in other fields is kept. */
function patched<T extends object>(row: T, patch: Patch<T>): T {
  const result = { ...row };
  for (const [field, value] of Object.entries(patch) as [keyof T, T[keyof T] | undefined][]) {
    if (value === undefined) delete result[field];
    else result[field] = value;
  }
  return result;
}

/** The column to the left or right of one. */
export function beside(status: TaskStatus, step: -1 | 1): TaskStatus | undefined {
  return STATUSES[STATUSES.indexOf(status) + step];
}
