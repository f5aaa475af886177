// The board: three columns of cards.

import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';

import type { Board } from '../board.js';
import { beside } from '../edits.js';
import { STATUSES, STATUS_NAMES, type Task, type TaskStatus } from '../tables.js';
import type { Acts } from './acts.js';
import { counted, day, isPast } from './words.js';

/** The type of dragged data that marks a card of this page. */
const DRAGGED = 'application/x-seachange-task';

export function columns(board: Board, acts: Acts): TemplateResult {
  return html`<main id="board" tabindex="-1" aria-label="Tasks">${STATUSES.map((status) => column(board, status, acts))}</main>`;
}

function column(board: Board, status: TaskStatus, acts: Acts): TemplateResult {
  const tasks = board.tasks.filter((task) => task.status === status);
  const over = (event: DragEvent) => {
    if (event.dataTransfer?.types.includes(DRAGGED)) event.preventDefault();
  };
  const drop = (event: DragEvent) => {
    const dropped = board.tasks.find(({ id }) => id === event.dataTransfer?.getData(DRAGGED));
    if (!dropped) return;
    event.preventDefault();
    void acts.moveTask(dropped, status);
  };
  return html`
    <section class="column" data-status=${status} aria-labelledby="column-${status}" @dragover=${over} @drop=${drop}>
      <h2 id="column-${status}">${STATUS_NAMES[status]} <span class="count">${tasks.length}</span></h2>
      <ul>
        ${repeat(tasks, ({ id }) => id, (task) => card(board, task, acts))}
      </ul>
      ${addition(status, acts)}
    </section>
  `;
}

function addition(status: TaskStatus, acts: Acts): TemplateResult {
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const title = String(new FormData(form).get('title')).trim();
    if (title === '') return;
    form.reset();
    void acts.addTask(status, title);
  };
  return html`
    <form class="add" @submit=${add}>
      <input name="title" required maxlength="200" autocomplete="off" placeholder="Add a task"
        aria-label="New task in ${STATUS_NAMES[status]}">
      <button>Add</button>
    </form>
  `;
}

function card(board: Board, task: Task, acts: Acts): TemplateResult {
  const comments = board.comments.get(task.id) ?? [];
  const isUnsent = board.unsent.task.has(task.id) || comments.some(({ id }) => board.unsent.comment.has(id));
  const isAsked = board.inbox.some(({ status, key }) => status === 'OPEN' && (key as { id?: string }).id === task.id);
  const drag = (event: DragEvent) => event.dataTransfer?.setData(DRAGGED, task.id);
  return html`
    <li class="card" id="card-${task.id}" data-pending=${isUnsent} draggable="true" @dragstart=${drag}>
      <button type="button" class="title" @click=${() => acts.openTask(task)}>${task.title}</button>
      <div class="foot">
        <p class="facts">
          ${isUnsent ? html`<span class="badge pending">Pending</span>` : nothing}
          ${isAsked ? html`<a class="badge conflict" href="#decisions">Conflict</a>` : nothing}
          ${task.priority > 0 ? html`<span class="badge">Priority ${task.priority}</span>` : nothing}
          ${task.dueOn ? due(task.dueOn, task.status) : nothing}
          ${task.owner ? html`<span>${task.owner}</span>` : nothing}
          ${comments.length > 0 ? html`<span>${counted(comments.length, 'comment')}</span>` : nothing}
        </p>
        <p class="moves">${move(task, -1, acts)} ${move(task, 1, acts)}</p>
      </div>
    </li>
  `;
}

function due(date: string, status: TaskStatus): TemplateResult {
  const isLate = status !== 'done' && isPast(date);
  return html`<span class=${isLate ? 'badge late' : ''}>${isLate ? 'Overdue' : 'Due'} ${day(date)}</span>`;
}

function move(task: Task, step: -1 | 1, acts: Acts): TemplateResult | typeof nothing {
  const status = beside(task.status, step);
  if (!status) return nothing;
  const column = STATUS_NAMES[status];
  return html`
    <button type="button" class="move" aria-label="Move “${task.title}” to ${column}"
      @click=${() => acts.moveTask(task, status)}>${step < 0 ? `← ${column}` : `${column} →`}</button>
  `;
}
