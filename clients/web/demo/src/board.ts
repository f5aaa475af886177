// Opens the replica of the board, and combines everything that the page shows in one observable.

import { openReplica, type InboxEntry, type Replica, type Status } from '@seachange/web';
import type { RxCollection } from 'rxdb';
import { combineLatest, distinctUntilChanged, map, of, switchMap, type Observable } from 'rxjs';

import type { Decisions } from './decisions.js';
import type { Departures } from './departures.js';
import { SCHEMAS, type Comment, type Project, type Tables, type Task } from './tables.js';

export interface Board {
  status: Status;
  projects: Project[];
  project: Project | undefined;
  /** The tasks of the project, in the order in which they are shown. */
  tasks: Task[];
  /** The comments by task, the oldest first. */
  comments: Map<string, Comment[]>;
  /** Documents with edits that the server does not have yet. */
  unsent: { [K in keyof Tables]: ReadonlySet<string> };
  /** Edits that the server did not store and that a person has yet to decide on. */
  inbox: InboxEntry[];
}

/** The retry time in milliseconds. It is short, because a person watches the page. */
const RETRY_TIME = 2_000;

export type BoardReplica = Replica<Tables>;

/** The API is on the server that the page came from. */
export function openBoard(): Promise<BoardReplica> {
  return openReplica<Tables>({
    url: new URL('/graphql', location.origin).href,
    name: 'seachange-demo',
    retryTime: RETRY_TIME,
    collections: {
      project: { entity: 'Project', schema: SCHEMAS.project },
      task: { entity: 'Task', schema: SCHEMAS.task },
      comment: { entity: 'Comment', schema: SCHEMAS.comment },
    },
  });
}

export function watchBoard(
  replica: BoardReplica,
  decisions: Decisions,
  departures: Departures,
  chosen$: Observable<string | undefined>,
): Observable<Board> {
  const { project, task, comment } = replica.collections;
  const projects$ = rows(project).pipe(map((found) => found.sort((a, b) => byName(a.name, b.name))));
  const project$ = combineLatest([projects$, chosen$]).pipe(
    map(([projects, chosen]) => projects.find(({ id }) => id === chosen) ?? projects[0]),
  );
  const tasks$ = project$.pipe(
    map((chosen) => chosen?.id),
    distinctUntilChanged(),
    switchMap((id) => (id === undefined ? of([]) : rows(task, { projectId: id }))),
  );
  const shown$ = combineLatest([tasks$, departures.tasks$]).pipe(
    map(([tasks, leaving]) => tasks.filter(({ id }) => !leaving.has(id)).sort(byUrgency)),
  );
  return combineLatest([
    replica.status$,
    projects$,
    project$,
    shown$,
    rows(comment).pipe(map(byTask)),
    decisions.inbox$,
  ]).pipe(
    map(([status, projects, chosen, tasks, comments, inbox]) => ({
      status,
      projects,
      project: chosen,
      tasks,
      comments,
      inbox,
      unsent: {
        project: new Set(status.unsent.project),
        task: new Set(status.unsent.task),
        comment: new Set(status.unsent.comment),
      },
    })),
  );
}

function rows<T extends object>(collection: RxCollection<T>, selector: object = {}): Observable<T[]> {
  return collection.find({ selector }).$.pipe(map((found) => found.map((one) => one.toMutableJSON() as T)));
}

function byName(a: string, b: string): number {
  return a.localeCompare(b);
}

/** New comments have no time until the server has set it, so they come last. */
function byTime(a: { id: string; createdAt?: string }, b: { id: string; createdAt?: string }): number {
  return byName(a.createdAt ?? '~', b.createdAt ?? '~') || byName(a.id, b.id);
}

function byUrgency(a: Task, b: Task): number {
  return b.priority - a.priority || byTime(a, b);
}

function byTask(comments: Comment[]): Map<string, Comment[]> {
  const found = new Map<string, Comment[]>();
  for (const one of comments.sort(byTime)) {
    const others = found.get(one.taskId);
    if (others) others.push(one);
    else found.set(one.taskId, [one]);
  }
  return found;
}
