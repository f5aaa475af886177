// The elements that the page has from the beginning.

export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

export function dialog(id: string): HTMLDialogElement {
  return element(id) as HTMLDialogElement;
}
