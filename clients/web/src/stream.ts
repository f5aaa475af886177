// The subscriptions of all collections, over one socket.
//
// Guarantees that whenever something may have been missed (the socket was closed, a subscription ended, a message
// could not be read) the follower gets a message that says so, after it is subscribed again. A subscription that
// ends is always begun again.

import type { Client } from 'graphql-ws';
import { createClient } from 'graphql-ws/client';
import { Observable, Subject, firstValueFrom, filter, race, timer } from 'rxjs';

import type { Reach } from './reach.js';
import { Tokens } from './tokens.js';

/** Milliseconds: the first pause before another attempt, the longest, and the silence before a ping. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
const PING_AFTER = 10_000;
/** Milliseconds until a socket is given up whose ping is not answered. */
const PONG_LIMIT = 5_000;

/** Close codes by which the server refuses a token. */
const TOKEN_REFUSED = [4401, 4403];

export type Message = { kind: 'data'; data: Record<string, unknown> } | { kind: 'maybe missed' };

export interface StreamSettings {
  url: string;
  tokens: Tokens;
  reach: Reach;
  webSocket?: unknown;
}

export class Stream {
  readonly #client: Client;
  readonly #connected = new Subject<void>();
  readonly #failed = new Subject<void>();
  #closed = false;

  constructor({ url, tokens, reach, webSocket }: StreamSettings) {
    let token: string | undefined;
    let silence: ReturnType<typeof setTimeout> | undefined;
    let answered = false;
    this.#client = createClient({
      url,
      retryAttempts: Number.POSITIVE_INFINITY,
      shouldRetry: () => true,
      retryWait: (attempt) => pauseBefore(attempt, reach),
      keepAlive: PING_AFTER,
      connectionParams: async () => {
        token = await tokens.get();
        return Tokens.header(token);
      },
      ...(webSocket === undefined ? {} : { webSocketImpl: webSocket }),
      on: {
        connecting: () => (answered = false),
        connected: () => {
          answered = true;
          this.#connected.next();
        },
        ping: (received) => {
          if (!received) silence = setTimeout(() => this.#client.terminate(), PONG_LIMIT);
        },
        pong: (received) => {
          if (received) clearTimeout(silence);
        },
        closed: (event) => {
          clearTimeout(silence);
          if (this.#closed) return;
          if (TOKEN_REFUSED.includes((event as { code?: number }).code ?? 0)) void tokens.refused(token);
          // If requests reach the server but sockets do not, each failed attempt is a reason to pull.
          if (!answered) this.#failed.next();
          reach.doubt();
        },
      },
    });
  }

  /** Emits whenever a socket is open and the server has accepted its token. */
  get connected$(): Observable<void> {
    return this.#connected.asObservable();
  }

  /** Follows one subscription until the observer unsubscribes. */
  follow(query: string): Observable<Message> {
    return new Observable((follower) => {
      let stop = () => {};
      let attempts = 0;
      const missed = () => follower.next({ kind: 'maybe missed' });
      const wakes = [this.#connected.subscribe(missed), this.#failed.subscribe(missed)];
      const again = (reason?: unknown) => {
        if (follower.closed || this.#closed) return;
        // A subscription begins at the position that the log had when the socket was opened. If the log can no
        // longer be read from there, or if the cause is unknown, a new socket is needed.
        if (!isRefused(reason)) this.#client.terminate();
        const wait = timer(Math.min(FIRST_PAUSE * 2 ** attempts++, LONGEST_PAUSE)).subscribe(() => {
          subscribe();
          missed();
        });
        stop = () => wait.unsubscribe();
      };
      const subscribe = () => {
        let isOver = false;
        // Releasing a subscription calls `complete`.
        const end = (reason?: unknown) => {
          if (isOver) return;
          isOver = true;
          release();
          again(reason);
        };
        const release = this.#client.subscribe<Record<string, unknown>>(
          { query },
          {
            next: ({ data, errors }) => {
              if (isOver) return;
              if (!data || errors) return end(errors);
              attempts = 0;
              follower.next({ kind: 'data', data });
            },
            error: end,
            complete: () => end(),
          },
        );
        stop = () => {
          isOver = true;
          release();
        };
      };
      subscribe();
      return () => {
        for (const wake of wakes) wake.unsubscribe();
        stop();
      };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    // If the client is just connecting, `dispose` fails when the connection fails.
    await Promise.resolve(this.#client.dispose()).catch(() => undefined);
  }
}

/** Whether these errors say that the server refuses the request on any socket. */
function isRefused(reason: unknown): boolean {
  if (!Array.isArray(reason)) return false;
  const codes = (reason as { extensions?: { code?: string } }[]).map(({ extensions }) => extensions?.code ?? '');
  return !codes.some((code) => /^(RESYNC|CURSOR)_/.test(code));
}

/** Waits before the next attempt to connect: a random time, so that clients do not all connect at once, and until
 *  the server can be reached. */
async function pauseBefore(attempt: number, reach: Reach): Promise<void> {
  const pause = Math.min(FIRST_PAUSE * 2 ** attempt, LONGEST_PAUSE) * (0.5 + Math.random() / 2);
  const lost = reach.state$.pipe(filter((state) => state === 'no'));
  await firstValueFrom(race(timer(pause), lost), { defaultValue: undefined });
  await firstValueFrom(reach.state$.pipe(filter((state) => state !== 'no')), { defaultValue: undefined });
}
