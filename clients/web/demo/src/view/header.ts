// The top of the page: the choice of the project, and the status of syncing.

import { html, nothing, type TemplateResult } from 'lit-html';

import type { Board } from '../board.js';
import type { Acts } from './acts.js';
import { counted, moment } from './words.js';

/** What the page knows in addition to the board. */
export interface Circumstances {
  /** Whether the server has answered for the first time, or is known to be away. */
  isSettled: boolean;
  /** Whether all rows of the server have arrived, or will not arrive for a while. */
  isLoaded: boolean;
  /** When the data was last known to be up to date, perhaps on an earlier visit. */
  lastSynced: Date | undefined;
  /** Whether the page itself is kept, so that it opens without a server. Undefined until that is known. */
  isKept: boolean | undefined;
}

export function header(board: Board, around: Circumstances, acts: Acts): TemplateResult {
  return html`
    <header>
      <div class="bar">
        <h1><img src="${import.meta.env.BASE_URL}icon.svg" alt="" width="24" height="24"> Board</h1>
        ${chooser(board, acts)} ${status(board, around)}
      </div>
    </header>
    ${notices(board, around)}
  `;
}

function chooser({ projects, project, unsent }: Board, acts: Acts): TemplateResult {
  const choose = (event: Event) => acts.choose((event.target as HTMLSelectElement).value);
  return html`
    <div class="chooser">
      ${project === undefined
        ? nothing
        : html`
            <label class="unseen" for="project">Project</label>
            <select id="project" @change=${choose} .value=${project.id}>
              ${projects.map(
                ({ id, name, archived }) =>
                  html`<option value=${id} ?selected=${id === project.id}>${name}${archived ? ' (archived)' : ''}</option>`,
              )}
            </select>
            ${unsent.project.has(project.id) ? html`<span class="badge pending">Pending</span>` : nothing}
            <button type="button" @click=${() => acts.editProject(project)}>Edit<span class="unseen"> project</span></button>
          `}
      <button type="button" @click=${() => acts.addProject()}>New project</button>
    </div>
  `;
}

function status({ status: { online, syncing, pending } }: Board, { isSettled, lastSynced }: Circumstances): TemplateResult {
  const state = online ? 'online' : isSettled ? 'offline' : 'connecting';
  const word = { online: 'Online', offline: 'Offline', connecting: 'Connecting…' }[state];
  return html`
    <div class="state">
      <span class="pill" id="connection" role="status" data-state=${state}>${word}</span>
      <span id="pending" class=${pending > 0 ? 'badge pending' : 'quiet'} data-count=${pending}>
        ${pending === 0 ? 'No pending edits' : `${counted(pending, 'edit')} pending${online && syncing ? ', sending…' : ''}`}
      </span>
      <span class="quiet" id="synced">
        ${lastSynced
          ? html`Last synced <time datetime=${lastSynced.toISOString()}>${moment(lastSynced)}</time>`
          : 'Not synced yet'}
      </span>
    </div>
  `;
}

function notices({ status: { online, problem } }: Board, { isSettled }: Circumstances): TemplateResult {
  const isOffline = isSettled && !online;
  return html`
    <div class="notices" role="status">
      ${isOffline
        ? html`<p class="notice offline">The server cannot be reached. Go on working: your edits are kept in this
            browser and sent as soon as it answers.</p>`
        : nothing}
      ${problem && !isOffline
        ? html`<p class="notice ${problem.code === 'UNAVAILABLE' ? '' : 'problem'}">Waiting to sync ${problem.collection}s:
            ${problem.message}. It is tried again.</p>`
        : nothing}
    </div>
  `;
}

export function footer({ isKept }: Circumstances): TemplateResult | typeof nothing {
  if (isKept === undefined) return nothing;
  const text = isKept
    ? 'This page is kept in your browser: it opens without a server, too.'
    : 'Your data is kept in your browser, this page is not: that takes HTTPS, or an address of this machine.';
  return html`<footer><p class="quiet" id="kept" data-kept=${isKept}>${text}</p></footer>`;
}
