// Opens the board and shows it.

import { html, render } from 'lit-html';

import { openBoard } from './board.js';
import { element } from './elements.js';
import { Page } from './page.js';

// Its files are kept for addresses below this one only.
if (`${location.pathname}/` === import.meta.env.BASE_URL) location.replace(import.meta.env.BASE_URL);

openBoard().then(
  (replica) => new Page(replica),
  (error: unknown) => {
    const place = element('page');
    place.replaceChildren();
    render(html`<main class="welcome" role="alert"><h2>The board cannot be opened</h2><p>${String(error)}</p></main>`, place);
  },
);
