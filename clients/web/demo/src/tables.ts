// The tables of the board, as documents.

import comment from './schemas/comment.json';
import project from './schemas/project.json';
import task from './schemas/task.json';

export interface Project {
  id: string;
  name: string;
  owner?: string;
  archived: boolean;
  createdAt?: string;
  updatedAt?: string;
}

export interface Task {
  id: string;
  projectId: string;
  title: string;
  body?: string;
  status: TaskStatus;
  priority: number;
  estimate?: string;
  dueOn?: string;
  owner?: string;
  createdAt?: string;
  updatedAt?: string;
}

export interface Comment {
  id: string;
  taskId: string;
  author: string;
  body: string;
  createdAt?: string;
}

export interface Tables {
  project: Project;
  task: Task;
  comment: Comment;
}

export const STATUSES = ['todo', 'doing', 'done'] as const;
export type TaskStatus = (typeof STATUSES)[number];

export const STATUS_NAMES: Record<TaskStatus, string> = { todo: 'To do', doing: 'Doing', done: 'Done' };

/** The schemas of the documents, written by `seachange-schema` from the server's types. */
export const SCHEMAS = { project, task, comment };
