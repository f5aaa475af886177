// Small things that a browser remembers between visits, for all its tabs. Where it may not, a tab
// remembers them by itself.

const PREFIX = 'seachange-demo.';

export interface Kept<T> {
  get(): T;
  set(value: T): void;
}

export function kept<T>(name: string, initial: T): Kept<T> {
  let last = initial;
  return {
    get() {
      try {
        const text = localStorage.getItem(PREFIX + name);
        if (text !== null) last = JSON.parse(text) as T;
      } catch {
        // As this tab knows it.
      }
      return last;
    },
    set(value) {
      last = value;
      try {
        localStorage.setItem(PREFIX + name, JSON.stringify(value));
      } catch {
        // Until the tab is closed, then.
      }
    },
  };
}
