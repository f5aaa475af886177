// The actions of a person that the views can call.

import type { InboxEntry, Resolution } from '@seachange/web';

import type { Project, Task, TaskStatus } from '../tables.js';

export interface Acts {
  choose(project: string): void;
  addProject(): void;
  editProject(project: Project): void;
  addSample(): Promise<void>;
  addTask(status: TaskStatus, title: string): Promise<void>;
  openTask(task: Pick<Task, 'id'>): void;
  moveTask(task: Pick<Task, 'id' | 'title'>, status: TaskStatus): Promise<void>;
  decide(entry: InboxEntry, use: Resolution, data?: Record<string, unknown>): Promise<void>;
  isOwn(entry: InboxEntry): boolean;
  /** Why the last decision on an entry failed. */
  refusalOf(entry: InboxEntry): string | undefined;
}
