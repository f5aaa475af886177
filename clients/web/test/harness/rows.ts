// The rows of the reference application, as documents.

export interface Project {
  id: string;
  name?: string;
  owner?: string;
  archived?: boolean;
  createdAt?: string;
  updatedAt?: string;
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

export interface Label {
  id: string;
  name?: string;
}

export interface TaskLabel {
  id?: string;
  taskId: string;
  labelId: string;
}

export interface Board {
  project: Project;
  task: Task;
  label: Label;
  taskLabel: TaskLabel;
}

export const ENTITIES = { project: 'Project', task: 'Task', label: 'Label', taskLabel: 'TaskLabel' } as const;
export type Name = keyof typeof ENTITIES;
export const NAMES = Object.keys(ENTITIES) as Name[];

/** What is compared of a document: not its nulls, and nothing of one that is deleted. */
export function comparable(rows: Record<string, unknown>[]): Record<string, unknown> {
  const live = rows.filter(({ _deleted }) => !_deleted);
  const plain = (row: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(row)
        .filter(([field, value]) => value !== null && field !== '_deleted')
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  const keyOf = (row: Record<string, unknown>) => String(row.id);
  return Object.fromEntries(live.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).map((row) => [keyOf(row), plain(row)]));
}
