// Small things that a browser remembers between visits. Where it may not, the page forgets them.

const PREFIX = 'seachange-demo.';

export interface Kept<T> {
  get(): T;
  set(value: T): void;
}

export function kept<T>(name: string, initial: T): Kept<T> {
  let value = initial;
  try {
    const text = localStorage.getItem(PREFIX + name);
    if (text !== null) value = JSON.parse(text) as T;
  } catch {
    // As if nothing had been kept.
  }
  return {
    get: () => value,
    set(next) {
      value = next;
      try {
        localStorage.setItem(PREFIX + name, JSON.stringify(next));
      } catch {
        // Until the page is closed, then.
      }
    },
  };
}
