// The page: opens the board and draws it anew whenever something has changed.

import { html, render } from 'lit-html';
import { BehaviorSubject } from 'rxjs';

import { openBoard, watchBoard, type Board } from './board.js';
import { Decisions } from './decisions.js';
import { Departures } from './departures.js';
import { Edits } from './edits.js';
import { kept } from './kept.js';
import { keepPage } from './offline.js';
import { addSample } from './sample.js';
import { STATUS_NAMES } from './tables.js';
import type { Acts } from './view/acts.js';
import { columns } from './view/columns.js';
import { decisions as decisionsView } from './view/decisions.js';
import { footer, header, type Circumstances } from './view/header.js';
import { ProjectEditor } from './view/project-editor.js';
import { TaskEditor } from './view/task-editor.js';
import { loading, welcome } from './view/welcome.js';

/** Milliseconds after which a server that has not answered counts as away. */
const FIRST_ANSWER = 3_000;

const page = element('page');

// Its files are kept for addresses below this one only.
if (`${location.pathname}/` === import.meta.env.BASE_URL) location.replace(import.meta.env.BASE_URL);

start().catch((error: unknown) => {
  page.replaceChildren();
  render(html`<main class="welcome" role="alert"><h2>The board cannot be opened</h2><p>${String(error)}</p></main>`, page);
});

async function start(): Promise<void> {
  const replica = await openBoard();
  page.replaceChildren();
  const departures = new Departures(replica);
  const decisions = new Decisions(replica);
  const edits = new Edits(replica, departures);
  const chosen = kept<string | undefined>('project', undefined);
  const chosen$ = new BehaviorSubject(chosen.get());
  const synced = kept<string | undefined>('last-synced', undefined);
  const around: Circumstances = { isSettled: false, isLoaded: false, lastSynced: dateOf(synced.get()), isKept: undefined };
  const refusals = new Map<string, string | undefined>();
  const taskEditor = new TaskEditor(element('editor') as HTMLDialogElement, edits);
  const choose = (id: string) => {
    chosen.set(id);
    chosen$.next(id);
  };
  const projectEditor = new ProjectEditor(element('project-editor') as HTMLDialogElement, edits, choose);
  let board: Board | undefined;

  const draw = () => {
    if (!board) return;
    const main = board.project ? columns(board, acts) : around.isLoaded ? welcome(acts) : loading();
    render(html`${header(board, around, acts)}${decisionsView(board, acts)}${main}${footer(around)}`, page);
  };

  const acts: Acts = {
    choose,
    addProject: () => projectEditor.open(),
    editProject: (project) => projectEditor.open(project),
    addSample: async () => choose(await addSample(edits)),
    addTask: async (status, title) => {
      if (board?.project) await edits.addTask({ projectId: board.project.id, title, status });
    },
    openTask: ({ id }) => board && taskEditor.open(board, id),
    moveTask: async ({ id, title }, status) => {
      await edits.editTask(id, { status });
      announce(`“${title}” is in ${STATUS_NAMES[status]} now.`);
      // The button that was pressed is gone.
      document.querySelector<HTMLElement>(`#card-${CSS.escape(id)} .title`)?.focus();
    },
    decide: async (entry, use, data) => {
      refusals.set(entry.id, await decisions.decide(entry, use, data));
      draw();
    },
    isOwn: (entry) => decisions.isOwn(entry),
    refusalOf: ({ id }) => refusals.get(id),
  };

  watchBoard(replica, decisions, departures, chosen$).subscribe((next) => {
    board = next;
    const { online, lastSynced } = next.status;
    if (online) around.isSettled = true;
    if (lastSynced) {
      around.isLoaded = true;
      around.lastSynced = lastSynced;
      synced.set(lastSynced.toISOString());
    }
    draw();
    taskEditor.update(next);
    projectEditor.update(next);
  });
  setTimeout(() => {
    around.isSettled = true;
    around.isLoaded = true;
    draw();
  }, FIRST_ANSWER);
  around.isKept = await keepPage();
  draw();
}

function announce(text: string): void {
  element('announcements').textContent = text;
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
