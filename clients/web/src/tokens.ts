// The bearer token, which is kept until it expires or the server refuses it.

/** A token is no longer used this many milliseconds before it expires. */
const MARGIN = 10_000;

export class Tokens {
  readonly #source: (() => string | undefined | Promise<string | undefined>) | undefined;
  #known: Promise<string | undefined> | undefined;
  #ends = Number.POSITIVE_INFINITY;

  constructor(source: (() => string | undefined | Promise<string | undefined>) | undefined) {
    this.#source = source;
  }

  /** Returns the token. Asks for a new one if there is none or if it is about to expire. */
  async get(): Promise<string | undefined> {
    const source = this.#source;
    if (!source) return undefined;
    if (!this.#known || Date.now() > this.#ends - MARGIN) {
      const asked = Promise.resolve(source()).then((token) => {
        this.#ends = token === undefined ? Number.POSITIVE_INFINITY : endOf(token);
        return token;
      });
      this.#known = asked;
      this.#ends = Number.POSITIVE_INFINITY;
      // A failure is not remembered: the next call asks again.
      asked.catch(() => this.#known === asked && (this.#known = undefined));
    }
    return this.#known;
  }

  /** The server refused this token: the next `get` asks for another. */
  async refused(token: string | undefined): Promise<void> {
    const known = this.#known;
    if (known && (await known.catch(() => undefined)) === token && this.#known === known) {
      this.#known = undefined;
    }
  }

  /** The token as an HTTP header or as the payload of `connection_init`. */
  static header(token: string | undefined): Record<string, string> {
    return token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }
}

/** The time at which a JWT expires, in milliseconds since 1970. The token is not verified: the server does that. */
function endOf(token: string): number {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { exp } = JSON.parse(atob(payload)) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
