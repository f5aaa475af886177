// The dialog in which a project is created or edited.

import { html, nothing, render, type TemplateResult } from 'lit-html';

import type { Board } from '../board.js';
import type { Edits, Patch } from '../edits.js';
import type { Project } from '../tables.js';
import { Fields } from './fields.js';
import { fieldName, shown } from './words.js';

export class ProjectEditor {
  readonly #dialog: HTMLDialogElement;
  readonly #edits: Edits;
  readonly #made: (id: string) => void;
  #project: Project | undefined;
  #fields: Fields | undefined;

  /** `made` is called for each new project. */
  constructor(dialog: HTMLDialogElement, edits: Edits, made: (id: string) => void) {
    this.#dialog = dialog;
    this.#edits = edits;
    this.#made = made;
  }

  /** Opens the dialog for a project, or for a new one if there is none. */
  open(project?: Project): void {
    this.#project = project;
    render(nothing, this.#dialog);
    render(this.#view(), this.#dialog);
    this.#fields = new Fields(this.#dialog.querySelector('form') as HTMLFormElement);
    this.#fields.show({ ...project });
    this.#dialog.showModal();
  }

  /** Takes the board as it is now. */
  update(board: Board): void {
    const now = board.projects.find(({ id }) => id === this.#project?.id);
    if (!now || !this.#dialog.open) return;
    this.#project = now;
    render(this.#view(this.#fields?.show({ ...now })), this.#dialog);
  }

  #view(elsewhere: string[] = []): TemplateResult {
    const project = this.#project;
    return html`
      <form class="fields" @submit=${this.#save}>
        <div class="bar">
          <h2 id="project-editor-title">${project ? 'Project' : 'New project'}</h2>
          <button type="button" @click=${() => this.#dialog.close()}>Close</button>
        </div>
        ${elsewhere.map((field) => html`
          <p class="notice problem" role="status">Somebody else has changed “${fieldName(field)}” meanwhile, to
            “${shown(project?.[field as keyof Project]) ?? 'nothing'}”. Saving replaces that.</p>`)}
        <label>Name <input name="name" required maxlength="200" autocomplete="off"></label>
        ${project
          ? html`
              <label>Owner <input name="owner" maxlength="100" autocomplete="off"></label>
              <label class="box"><input name="archived" type="checkbox"> Archived</label>
            `
          : nothing}
        <p class="choices"><button class="main">${project ? 'Save' : 'Create'}</button></p>
      </form>
    `;
  }

  readonly #save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { archived, ...patch } = this.#fields?.patch() ?? {};
    this.#dialog.close();
    if (!this.#project) {
      if (patch.name !== undefined) this.#made(await this.#edits.addProject(patch.name));
      return;
    }
    const box = archived === undefined ? {} : { archived: archived === 'true' };
    await this.#edits.editProject(this.#project.id, { ...patch, ...box } as Patch<Project>);
  };
}
