// Small things that the browser remembers between visits, for all its tabs. If it may not store them, each tab
// remembers them until it is closed.

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
        // The browser may not read its storage: this tab's value is used.
      }
      return last;
    },
    set(value) {
      last = value;
      try {
        localStorage.setItem(PREFIX + name, JSON.stringify(value));
      } catch {
        // The browser may not write its storage: the value is kept until the tab is closed.
      }
    },
  };
}
