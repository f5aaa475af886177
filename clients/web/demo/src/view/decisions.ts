// Edits that the server did not store: conflicts, with both sides next to each other, and refusals, with their
// reasons.

import type { InboxEntry } from '@seachange/web';
import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';

import type { Board } from '../board.js';
import { areBothThere, differences, type Difference } from '../decisions.js';
import type { Acts } from './acts.js';
import { counted, fieldName, moment, shown } from './words.js';

export function decisions(board: Board, acts: Acts): TemplateResult | typeof nothing {
  const open = board.inbox.filter(({ status }) => status === 'OPEN');
  const refused = board.inbox.filter(({ status }) => status === 'REJECTED');
  if (open.length + refused.length === 0) return nothing;
  const { online } = board.status;
  return html`
    <section id="decisions" aria-label="Edits that were not taken" tabindex="-1">
      ${online ? nothing : html`<p class="quiet">Decisions need the server: they can be made when it answers again.</p>`}
      ${open.length === 0
        ? nothing
        : html`
            <h2>${counted(open.length, 'conflict')}</h2>
            <ul>${repeat(open, ({ id }) => id, (entry) => conflict(entry, online, acts))}</ul>
          `}
      ${refused.length === 0
        ? nothing
        : html`
            <h2>${counted(refused.length, 'rejected edit')}</h2>
            <ul>${repeat(refused, ({ id }) => id, (entry) => rejection(entry, online, acts))}</ul>
          `}
    </section>
  `;
}

function heading(entry: InboxEntry): TemplateResult {
  const row = entry.server ?? entry.client;
  const name = shown(row.name ?? row.title ?? row.body) ?? '';
  return html`<h3>${entry.entity} ${name === '' ? nothing : html`“${name}”`}</h3>`;
}

/** The server's text, with its quotation marks in the style of the page. */
function reason({ reason }: InboxEntry): string {
  return reason.replaceAll(/`([^`]*)`/g, '“$1”');
}

function origin(entry: InboxEntry, acts: Acts): string {
  const who = acts.isOwn(entry) ? 'made in this browser' : entry.actor ? `made by ${entry.actor}` : 'made elsewhere';
  return `Edit ${who}, arrived ${moment(new Date(entry.recordedAt))}`;
}

function conflict(entry: InboxEntry, online: boolean, acts: Acts): TemplateResult {
  const [mine, version] = acts.isOwn(entry) ? ['mine', 'Your version'] : ['theirs', 'Their version'];
  const fields = differences(entry);
  const canMerge = areBothThere(entry) && fields.length > 1;
  const merge = (event: SubmitEvent) => {
    event.preventDefault();
    const chosen = new FormData(event.target as HTMLFormElement);
    const value = (one: Difference) => (chosen.get(one.field) === 'client' ? one.client : one.server);
    void acts.decide(entry, 'USE_DATA', Object.fromEntries(fields.map((one) => [one.field, value(one)])));
  };
  return html`
    <li class="entry conflict" data-entry=${entry.id}>
      ${heading(entry)}
      <p class="quiet">${origin(entry, acts)}: ${reason(entry)}.</p>
      <form @submit=${merge}>
        <table>
          <thead><tr><td></td><th scope="col">Server’s version</th><th scope="col">${version}</th></tr></thead>
          <tbody>${existence(entry)}${fields.map((one) => difference(one, canMerge))}</tbody>
        </table>
        <p class="choices">
          <button type="button" ?disabled=${!online} @click=${() => acts.decide(entry, 'KEEP_SERVER')}>Keep server’s</button>
          <button type="button" ?disabled=${!online} @click=${() => acts.decide(entry, 'USE_CLIENT')}>Use ${mine}</button>
          ${canMerge ? html`<button class="main" ?disabled=${!online}>Use the merged fields</button>` : nothing}
        </p>
        ${refusal(entry, acts)}
      </form>
    </li>
  `;
}

/** One side has deleted the row. */
function existence(entry: InboxEntry): TemplateResult | typeof nothing {
  if (areBothThere(entry)) return nothing;
  const word = (row: Record<string, unknown> | null) => (row === null || row._deleted ? 'deleted' : 'edited');
  return html`<tr><th scope="row">${entry.entity}</th><td>${word(entry.server)}</td><td>${word(entry.client)}</td></tr>`;
}

function difference(one: Difference, canChoose: boolean): TemplateResult {
  const side = (name: 'server' | 'client') => {
    const value = shown(one[name]);
    const text = value === undefined ? html`<em>empty</em>` : value;
    if (!canChoose) return html`<td>${text}</td>`;
    const isChosen = (one.changedBy === 'client') === (name === 'client');
    return html`
      <td><label><input type="radio" name=${one.field} value=${name} ?checked=${isChosen}
        aria-label="${fieldName(one.field)}: ${name === 'server' ? 'server’s' : 'the edit’s'}"> <span>${text}</span></label></td>
    `;
  };
  return html`<tr data-field=${one.field}><th scope="row">${fieldName(one.field)}</th>${side('server')}${side('client')}</tr>`;
}

function rejection(entry: InboxEntry, online: boolean, acts: Acts): TemplateResult {
  return html`
    <li class="entry rejected" data-entry=${entry.id}>
      ${heading(entry)}
      <p class="reason"><strong>${reason(entry)}</strong></p>
      <p class="quiet">${origin(entry, acts)}${entry.client._deleted ? ': a delete' : nothing}.</p>
      <dl>
        ${differences(entry).map(
          ({ field, client }) => html`<dt>${fieldName(field)}</dt><dd>${shown(client) ?? html`<em>empty</em>`}</dd>`,
        )}
      </dl>
      <p class="choices">
        <button type="button" ?disabled=${!online} @click=${() => acts.decide(entry, 'KEEP_SERVER')}>Give it up</button>
        <button type="button" ?disabled=${!online} @click=${() => acts.decide(entry, 'USE_CLIENT')}>Try again</button>
      </p>
      ${refusal(entry, acts)}
    </li>
  `;
}

function refusal(entry: InboxEntry, acts: Acts): TemplateResult | typeof nothing {
  const text = acts.refusalOf(entry);
  return text === undefined ? nothing : html`<p class="refusal" role="alert">${text}</p>`;
}
