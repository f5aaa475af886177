// Example data for a first look.

import type { Edits } from './edits.js';
import type { TaskStatus } from './tables.js';

const TASKS: { title: string; status: TaskStatus; priority?: number; body?: string; comment?: string }[] = [
  { title: 'Order antifouling paint', status: 'todo', priority: 2, body: 'Two tins, dark blue.' },
  { title: 'Check the anchor chain', status: 'todo' },
  { title: 'Service the winches', status: 'todo', comment: 'Grease is in the locker.' },
  { title: 'Caulk the deck', status: 'doing', priority: 1, comment: 'Port side is finished.' },
  { title: 'Haul out', status: 'done' },
];

/** The id of the project. */
export async function addSample(edits: Edits): Promise<string> {
  const projectId = await edits.addProject('Refit');
  for (const { comment, ...task } of TASKS) {
    const id = await edits.addTask({ projectId, ...task });
    if (comment !== undefined) await edits.addComment(id, 'Mara', comment);
  }
  return projectId;
}
