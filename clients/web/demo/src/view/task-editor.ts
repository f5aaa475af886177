// The dialog of one task: its fields and its comments.

import { html, nothing, render, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';

import type { Board } from '../board.js';
import type { Edits, Patch } from '../edits.js';
import { kept } from '../kept.js';
import { STATUSES, STATUS_NAMES, type Comment, type Task } from '../tables.js';
import { Fields } from './fields.js';
import { counted, fieldName, moment, shown } from './words.js';

/** The largest number of a 32-bit column. */
const MOST_PRIORITY = 2_147_483_647;

export class TaskEditor {
  readonly #dialog: HTMLDialogElement;
  readonly #edits: Edits;
  readonly #author = kept('author', '');
  #fields: Fields | undefined;
  #task: Task | undefined;
  #comments: Comment[] = [];
  #unsent: ReadonlySet<string> = new Set();

  constructor(dialog: HTMLDialogElement, edits: Edits) {
    this.#dialog = dialog;
    this.#edits = edits;
    dialog.addEventListener('cancel', (event) => {
      if (!this.#mayClose()) event.preventDefault();
    });
    dialog.addEventListener('close', () => (this.#task = undefined));
  }

  open(board: Board, id: string): void {
    this.#task = board.tasks.find((task) => task.id === id);
    if (!this.#task) return;
    // The input for a comment on the previous task is cleared.
    render(nothing, this.#dialog);
    render(this.#view(), this.#dialog);
    this.#fields = new Fields(this.#dialog.querySelector('form') as HTMLFormElement);
    this.update(board);
    this.#dialog.showModal();
  }

  /** Takes the board as it is now. */
  update(board: Board): void {
    const { id } = this.#task ?? {};
    if (id === undefined) return;
    const task = board.tasks.find((one) => one.id === id);
    this.#comments = board.comments.get(id) ?? [];
    this.#unsent = board.unsent.comment;
    const elsewhere = task ? (this.#fields?.show({ ...task }) ?? []) : [];
    render(this.#view(elsewhere, task), this.#dialog);
  }

  #view(elsewhere: string[] = [], task: Task | undefined = this.#task): TemplateResult {
    return html`
      <form class="fields" @submit=${this.#save}>
        <div class="bar">
          <h2 id="editor-title">Task</h2>
          <button type="button" @click=${this.#close}>Close</button>
        </div>
        ${task
          ? nothing
          : html`<p class="notice problem" role="alert">This task has been deleted, or is in another project now.</p>`}
        ${elsewhere.map((field) => html`
          <p class="notice problem" role="status">Somebody else has changed “${fieldName(field)}” meanwhile, to
            “${shown(task?.[field as keyof Task]) ?? 'nothing'}”. Saving replaces that.</p>`)}
        <label>Title <input name="title" required maxlength="200" autocomplete="off"></label>
        <label>Description <textarea name="body" rows="4"></textarea></label>
        <div class="pair">
          <label>Column <select name="status">
            ${STATUSES.map((one) => html`<option value=${one}>${STATUS_NAMES[one]}</option>`)}</select></label>
          <label>Priority <input name="priority" type="number" min="0" max=${MOST_PRIORITY} step="1" required></label>
          <label>Due <input name="dueOn" type="date"></label>
          <label>Estimate (hours) <input name="estimate" inputmode="decimal" pattern="[0-9]+([.][0-9]{1,2})?"
            title="A number with at most two decimals" autocomplete="off"></label>
          <label>Owner <input name="owner" maxlength="100" autocomplete="off"></label>
        </div>
        <p class="choices">
          <button class="main" ?disabled=${!task}>Save</button>
          <button type="button" class="danger" ?disabled=${!task} @click=${this.#remove}>Delete the task</button>
        </p>
      </form>
      ${task ? this.#discussion() : nothing}
    `;
  }

  #discussion(): TemplateResult {
    return html`
      <section class="discussion" aria-labelledby="comments-title">
        <h3 id="comments-title">${counted(this.#comments.length, 'comment')}</h3>
        <ol>
          ${repeat(this.#comments, ({ id }) => id, ({ id, author, body, createdAt }) => html`
            <li>
              <p class="quiet">${author}
                ${createdAt ? html`<time datetime=${createdAt}>${moment(new Date(createdAt))}</time>` : nothing}
                ${this.#unsent.has(id) ? html`<span class="badge pending">Pending</span>` : nothing}</p>
              <p class="said">${body}</p>
            </li>`)}
        </ol>
        <form class="comment" @submit=${this.#comment}>
          <label>Your name
            <input name="author" required maxlength="100" autocomplete="nickname" value=${this.#author.get()}></label>
          <label>Comment <textarea name="body" rows="2" required></textarea></label>
          <p class="choices"><button>Add the comment</button></p>
        </form>
      </section>
    `;
  }

  readonly #save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const id = this.#task?.id;
    const { priority, ...patch } = this.#fields?.patch() ?? {};
    if (id === undefined) return;
    const number = priority === undefined ? {} : { priority: Number(priority) };
    await this.#edits.editTask(id, { ...patch, ...number } as Patch<Task>);
    this.#dialog.close();
  };

  readonly #remove = async (): Promise<void> => {
    const task = this.#task;
    if (!task || !confirm(`Delete “${task.title}” and its comments?`)) return;
    this.#dialog.close();
    await this.#edits.removeTask(task.id);
  };

  readonly #comment = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const said = new FormData(form);
    const [author, body] = [String(said.get('author')).trim(), String(said.get('body')).trim()];
    if (!this.#task || author === '' || body === '') return;
    this.#author.set(author);
    (form.elements.namedItem('body') as HTMLTextAreaElement).value = '';
    await this.#edits.addComment(this.#task.id, author, body);
  };

  readonly #close = (): void => {
    if (this.#mayClose()) this.#dialog.close();
  };

  #mayClose(): boolean {
    const isEdited = Object.keys(this.#fields?.patch() ?? {}).length > 0;
    return !isEdited || confirm('Close without saving what you have edited?');
  }
}
