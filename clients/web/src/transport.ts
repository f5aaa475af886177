// GraphQL requests over HTTP.
//
// Guarantees that `askPatiently` repeats a request until the server answers, however long it is away, or until the
// replica closes. A token that is refused is replaced once for each request.

import type { Reach } from './reach.js';
import { Tokens } from './tokens.js';

/** The server's error, with its code (`BAD_INPUT`, `UNAVAILABLE`, …). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly code: string,
    message: string,
    readonly extensions: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

const SAYS_TOO_LARGE = 'the request is larger than the server reads';

/** The request is larger than the server, or a gateway in front of it, reads. */
export class TooLarge extends ApiError {
  constructor(message: string) {
    super('LIMIT_EXCEEDED', message);
  }
}

/** The server did not answer: there is no network, no server, or the time was over. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export interface Answer {
  data: Record<string, unknown>;
  extensions: Record<string, unknown>;
}

interface Body {
  data?: Record<string, unknown> | null;
  errors?: { message?: string; extensions?: Record<string, unknown> }[];
  extensions?: Record<string, unknown>;
}

/** A request with more characters than this may be too large for a server that closes the connection without an
 *  answer. If it has done so this many times, the request counts as too large. */
const LARGE = 4_000_000;
const CUT_OFF = 3;

/** How many milliseconds a probe may take. */
const PROBE_LIMIT = 5_000;

export interface TransportSettings {
  url: string;
  tokens: Tokens;
  /** How many milliseconds a request may take. */
  requestTimeout: number;
  closed: AbortSignal;
}

export class Transport {
  readonly #settings: TransportSettings;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
  }

  /** Whether the server answers at all. */
  async probe(): Promise<boolean> {
    try {
      const response = await this.#send('{"query":"{ __typename }"}', undefined, PROBE_LIMIT);
      return !awayFor(response) && typeof (await response.json()) === 'object';
    } catch {
      return false;
    }
  }

  /** Sends a request once. */
  async ask(query: string, variables: Record<string, unknown>, reach: Reach): Promise<Answer> {
    const text = JSON.stringify({ query, variables });
    const { tokens } = this.#settings;
    for (let again = true; ; again = false) {
      const token = await tokens.get();
      const answer = await this.#answer(text, token).catch((error: unknown) => {
        if (error instanceof Unreachable) reach.lost();
        if (error instanceof TooLarge) reach.proved();
        throw error;
      });
      reach.proved();
      const refusal = answer.errors?.[0];
      const code = String(refusal?.extensions?.code ?? 'INTERNAL');
      if (refusal && code === 'UNAUTHENTICATED') {
        await tokens.refused(token);
        if (again && token !== undefined) continue;
      }
      if (refusal) throw new ApiError(code, refusal.message ?? code, refusal.extensions);
      if (!answer.data) throw new ApiError('INTERNAL', 'the answer has no data');
      return { data: answer.data, extensions: answer.extensions ?? {} };
    }
  }

  /** Sends a request until there is an answer. Errors that the server reports are answers. */
  async askPatiently(query: string, variables: Record<string, unknown>, reach: Reach): Promise<Answer> {
    const isLarge = JSON.stringify(variables).length > LARGE;
    for (let times = 1; ; times += 1) {
      await reach.whenReachable();
      this.#settings.closed.throwIfAborted();
      try {
        return await this.ask(query, variables, reach);
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        if (isLarge && times >= CUT_OFF && (await this.probe())) throw new TooLarge(SAYS_TOO_LARGE);
      }
    }
  }

  async #answer(text: string, token: string | undefined): Promise<Body> {
    let response: Response;
    let said: string;
    try {
      response = await this.#send(text, token, this.#settings.requestTimeout);
      said = await response.text();
    } catch (error) {
      this.#settings.closed.throwIfAborted();
      throw new Unreachable('the server does not answer', { cause: error });
    }
    if (response.status === 413) throw new TooLarge(SAYS_TOO_LARGE);
    const body = parsed(said);
    if (typeof body === 'object' && body !== null && ('data' in body || 'errors' in body)) return body as Body;
    throw awayFor(response)
      ? new Unreachable(`the server answers ${response.status}`)
      : new ApiError('BAD_RESPONSE', `the answer is not GraphQL (status ${response.status})`);
  }

  #send(text: string, token: string | undefined, limit: number): Promise<Response> {
    return fetch(this.#settings.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...Tokens.header(token) },
      body: text,
      signal: AbortSignal.any([this.#settings.closed, AbortSignal.timeout(limit)]),
    });
  }
}

/** Whether a gateway says that the server behind it does not answer. */
function awayFor(response: Response): boolean {
  return response.status === 429 || response.status >= 502;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
