// The page: renders the board again whenever something has changed, and carries out what a person does.

import type { InboxEntry, Resolution } from '@seachange/web';
import { html, render } from 'lit-html';
import { BehaviorSubject } from 'rxjs';

import { watchBoard, type Board, type BoardReplica } from './board.js';
import { Decisions } from './decisions.js';
import { Departures } from './departures.js';
import { Edits } from './edits.js';
import { dialog, element } from './elements.js';
import { kept } from './kept.js';
import { keepPage } from './offline.js';
import { addSample } from './sample.js';
import { STATUS_NAMES, type Project, type Task, type TaskStatus } from './tables.js';
import type { Acts } from './view/acts.js';
import { columns } from './view/columns.js';
import { decisions } from './view/decisions.js';
import { footer, header, type Circumstances } from './view/header.js';
import { ProjectEditor } from './view/project-editor.js';
import { TaskEditor } from './view/task-editor.js';
import { loading, welcome } from './view/welcome.js';

/** Milliseconds after which a server that has not answered counts as away. */
const FIRST_ANSWER = 3_000;

export class Page implements Acts {
  readonly #place = element('page');
  readonly #chosen = kept<string | undefined>('project', undefined);
  readonly #chosen$ = new BehaviorSubject(this.#chosen.get());
  readonly #synced = kept<string | undefined>('last-synced', undefined);
  readonly #around: Circumstances;
  readonly #decisions: Decisions;
  /** Why the last decision on an entry of the inbox failed, by entry. */
  readonly #refusals = new Map<string, string | undefined>();
  readonly #edits: Edits;
  readonly #taskEditor: TaskEditor;
  readonly #projectEditor: ProjectEditor;
  #board: Board | undefined;

  constructor(replica: BoardReplica) {
    const departures = new Departures(replica);
    const synced = this.#synced.get();
    const lastSynced = synced === undefined ? undefined : new Date(synced);
    this.#around = { isSettled: false, isLoaded: false, lastSynced, isKept: undefined };
    this.#decisions = new Decisions(replica);
    this.#edits = new Edits(replica, departures);
    this.#taskEditor = new TaskEditor(dialog('editor'), this.#edits);
    this.#projectEditor = new ProjectEditor(dialog('project-editor'), this.#edits, (id) => this.choose(id));
    this.#place.replaceChildren();
    watchBoard(replica, this.#decisions, departures, this.#chosen$).subscribe((board) => this.#show(board));
    setTimeout(() => this.#learn({ isSettled: true, isLoaded: true }), FIRST_ANSWER);
    void keepPage().then((isKept) => this.#learn({ isKept }));
  }

  choose(project: string): void {
    this.#chosen.set(project);
    this.#chosen$.next(project);
  }

  addProject(): void {
    this.#projectEditor.open();
  }

  editProject(project: Project): void {
    this.#projectEditor.open(project);
  }

  async addSample(): Promise<void> {
    this.choose(await addSample(this.#edits));
  }

  async addTask(status: TaskStatus, title: string): Promise<void> {
    const { project } = this.#board ?? {};
    if (project) await this.#edits.addTask({ projectId: project.id, title, status });
  }

  openTask({ id }: Pick<Task, 'id'>): void {
    if (this.#board) this.#taskEditor.open(this.#board, id);
  }

  async moveTask({ id, title }: Pick<Task, 'id' | 'title'>, status: TaskStatus): Promise<void> {
    await this.#edits.editTask(id, { status });
    element('announcements').textContent = `“${title}” is in ${STATUS_NAMES[status]} now.`;
    // The button that was pressed no longer exists.
    document.querySelector<HTMLElement>(`#card-${CSS.escape(id)} .title`)?.focus();
  }

  async decide(entry: InboxEntry, use: Resolution, data?: Record<string, unknown>): Promise<void> {
    this.#refusals.set(entry.id, await this.#decisions.decide(entry, use, data));
    this.#draw();
  }

  isOwn(entry: InboxEntry): boolean {
    return this.#decisions.isOwn(entry);
  }

  refusalOf({ id }: InboxEntry): string | undefined {
    return this.#refusals.get(id);
  }

  #show(board: Board): void {
    this.#board = board;
    const { online, lastSynced } = board.status;
    if (online) this.#around.isSettled = true;
    if (lastSynced) {
      Object.assign(this.#around, { lastSynced, isLoaded: true });
      this.#synced.set(lastSynced.toISOString());
    }
    this.#draw();
    this.#taskEditor.update(board);
    this.#projectEditor.update(board);
  }

  #learn(part: Partial<Circumstances>): void {
    Object.assign(this.#around, part);
    this.#draw();
  }

  #draw(): void {
    const board = this.#board;
    if (!board) return;
    const around = this.#around;
    const main = board.project ? columns(board, this) : around.isLoaded ? welcome(this) : loading();
    render(html`${header(board, around, this)}${decisions(board, this)}${main}${footer(around)}`, this.#place);
  }
}
