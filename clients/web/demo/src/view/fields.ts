// A form for a row that others may change while the user types.
//
// Fields that were not edited follow the row. A field that was edited keeps the typed text, and shows the value that
// the row has meanwhile. Only edited fields are saved.

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;
type Row = Record<string, unknown>;

export class Fields {
  readonly #form: HTMLFormElement;
  /** By field, the row's value when it was touched. */
  readonly #touched = new Map<string, string>();
  /** By field, the row's value now. */
  readonly #rowValue = new Map<string, string>();

  constructor(form: HTMLFormElement) {
    this.#form = form;
    form.addEventListener('input', ({ target }) => {
      const control = target as Control;
      if (!this.#touched.has(control.name)) this.#touched.set(control.name, this.#rowValue.get(control.name) ?? '');
    });
  }

  /** Takes the row as it is now. Returns the edited fields that others have changed. */
  show(row: Row): string[] {
    const elsewhere: string[] = [];
    for (const control of this.#controls()) {
      const value = textOf(row[control.name]);
      this.#rowValue.set(control.name, value);
      const before = this.#touched.get(control.name);
      if (before === undefined) set(control, value);
      else if (before !== value && get(control) !== value) elsewhere.push(control.name);
    }
    return elsewhere;
  }

  /** The edited fields: undefined if a field was emptied. */
  patch(): Record<string, string | undefined> {
    const edited = this.#controls().filter(
      (control) => this.#touched.has(control.name) && get(control) !== this.#rowValue.get(control.name),
    );
    return Object.fromEntries(edited.map((control) => [control.name, get(control) === '' ? undefined : get(control)]));
  }

  #controls(): Control[] {
    return [...this.#form.elements].filter((one) => (one as Control).name) as Control[];
  }
}

function textOf(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}

function isBox(control: Control): control is HTMLInputElement {
  return control instanceof HTMLInputElement && control.type === 'checkbox';
}

function get(control: Control): string {
  return isBox(control) ? String(control.checked) : control.value.trim();
}

function set(control: Control, value: string): void {
  if (isBox(control)) control.checked = value === 'true';
  else if (control.value !== value) control.value = value;
}
