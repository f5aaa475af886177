// What the page shows while there is no project.

import { html, type TemplateResult } from 'lit-html';

import type { Acts } from './acts.js';

export function welcome(acts: Acts): TemplateResult {
  return html`
    <main id="board" class="welcome" tabindex="-1">
      <h2>No project yet</h2>
      <p>Make one, or begin with an example. It all works offline, too: what you enter is kept in this browser
        and sent when the server answers. Open the page twice to see it arrive.</p>
      <p class="choices">
        <button type="button" class="main" @click=${() => acts.addSample()}>Fill in an example</button>
        <button type="button" @click=${() => acts.addProject()}>New project</button>
      </p>
    </main>
  `;
}

export function loading(): TemplateResult {
  return html`<main id="board" class="welcome" tabindex="-1"><p>Looking what the server has…</p></main>`;
}
