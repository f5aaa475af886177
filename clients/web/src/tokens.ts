// The bearer token: kept until it expires or the server refuses it.

/** Milliseconds before its end in which a token is no longer used. */
const MARGIN = 10_000;

export class Tokens {
  readonly #source: (() => string | undefined | Promise<string | undefined>) | undefined;
  #known: Promise<string | undefined> | undefined;
  #ends = Number.POSITIVE_INFINITY;

  constructor(source: (() => string | undefined | Promise<string | undefined>) | undefined) {
    this.#source = source;
  }

  /** The token; asks for one when there is none, or none that lasts. */
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
      // No answer is none to remember.
      asked.catch(() => this.#known === asked && (this.#known = undefined));
    }
    return this.#known;
  }

  /** The server took no notice of this one: the next `get` asks for another. */
  async refused(token: string | undefined): Promise<void> {
    const known = this.#known;
    if (known && (await known.catch(() => undefined)) === token && this.#known === known) {
      this.#known = undefined;
    }
  }

  /** For a header or `connection_init`. */
  static header(token: string | undefined): Record<string, string> {
    return token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }
}

/** When a JWT ends, in milliseconds since 1970. It is not verified: that is the server's. */
function endOf(token: string): number {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { exp } = JSON.parse(atob(payload)) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
