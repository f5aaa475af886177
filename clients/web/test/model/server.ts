// The model over HTTP and WebSocket: what a client needs of a server, in the test's own process.

import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { buildSchema, graphql, parse, subscribe, validate, type ExecutionResult } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import type { Observable } from 'rxjs';
import { WebSocketServer } from 'ws';

import { ENTITIES, SDL } from './schema.js';
import { Tables, fault, type PushRow, type Rejected, type Row } from './tables.js';

/** The largest request, in bytes: as the server has it. */
const MOST_BYTES = 8 * 1024 * 1024;

/** In the place of a query that was not read. */
const TOO_LARGE = 'too large';

const SCHEMA = buildSchema(SDL);

export interface Faults {
  /** Called for each request; may throw an error that the whole request gets. */
  refuse?: (query: string, authorization: string | undefined) => void;
  /** Whether to cut the connection instead of answering, after the work is done. */
  cut?: (query: string) => boolean;
  /** How a stream ends instead of bringing what is next. */
  stream?: () => 'complete' | 'error' | 'no data' | undefined;
  /** The largest answer, in bytes. */
  mostAnswered?: number | undefined;
  /** What to wait for before a request is looked at. */
  delay?: (query: string) => Promise<void> | undefined;
}

export class ModelServer {
  readonly tables = new Tables();
  faults: Faults = {};
  #http: HttpServer | undefined;
  #sockets: WebSocketServer | undefined;
  readonly #connections = new Set<Socket>();
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/graphql`;
  }

  async start(): Promise<this> {
    const http = createServer((request, response) => {
      void this.#answer(request).then(({ query, body }) => {
        if (this.faults.cut?.(query)) return request.socket.destroy();
        const tooLarge = query === TOO_LARGE;
        const unknown = body.errors?.[0]?.extensions?.code === 'UNAUTHENTICATED';
        response.writeHead(tooLarge ? 413 : unknown ? 401 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
    });
    http.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.on('close', () => this.#connections.delete(socket));
    });
    this.#sockets = new WebSocketServer({ server: http, path: '/graphql' });
    useServer(
      {
        schema: SCHEMA,
        onConnect: (context) => {
          Object.assign(context.extra, { at: this.tables.head });
          this.faults.refuse?.('connection_init', String(context.connectionParams?.Authorization ?? ''));
          return true;
        },
        onSubscribe: (context, _id, { query, variables }) => ({
          schema: SCHEMA,
          document: parse(query),
          variableValues: variables,
          rootValue: this.#subscriptions((context.extra as unknown as { at: number }).at),
        }),
        subscribe,
      },
      this.#sockets,
    );
    await new Promise<void>((resolve) => http.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (http.address() as AddressInfo).port;
    this.#http = http;
    return this;
  }

  /** As by kill -9: every connection is cut; the tables stay. */
  async stop(): Promise<void> {
    const http = this.#http;
    if (!http) return;
    this.#http = undefined;
    for (const client of this.#sockets?.clients ?? []) client.terminate();
    this.#sockets?.close();
    for (const socket of this.#connections) socket.destroy();
    await new Promise((resolve) => http.close(resolve));
  }

  /** Closes all sockets with a code, as a server does whose clients must come again. */
  closeSockets(code: number): void {
    for (const client of this.#sockets?.clients ?? []) client.close(code);
  }

  async #answer(request: IncomingMessage): Promise<{ query: string; body: ExecutionResult }> {
    let text = '';
    for await (const piece of request) text += piece;
    if (Buffer.byteLength(text) > MOST_BYTES) return { query: TOO_LARGE, body: { errors: [fault('LIMIT_EXCEEDED')] } };
    const { query, variables } = JSON.parse(text) as { query: string; variables: Record<string, unknown> };
    const rejections: Rejected[] = [];
    await this.faults.delay?.(query);
    try {
      this.faults.refuse?.(query, request.headers.authorization);
      const [wrong] = validate(SCHEMA, parse(query));
      if (wrong) throw fault('BAD_INPUT');
    } catch (error) {
      return { query, body: { errors: [error as ReturnType<typeof fault>] } };
    }
    const rootValue = { ...this.#queries(), ...this.#mutations(rejections) };
    const body = await graphql({ schema: SCHEMA, source: query, variableValues: variables, rootValue });
    if (JSON.stringify(body).length > (this.faults.mostAnswered ?? Number.POSITIVE_INFINITY)) {
      return { query, body: { errors: [fault('LIMIT_EXCEEDED')] } };
    }
    return { query, body: rejections.length > 0 ? { ...body, extensions: { rejections } } : body };
  }

  #queries() {
    const { tables } = this;
    const pulls = ENTITIES.map(({ name }) => [
      `pull${name}`,
      ({ checkpoint, limit }: { checkpoint?: { cursor: string }; limit: number }) =>
        tables.pull(name, checkpoint?.cursor, limit),
    ]);
    const syncConflicts = ({ status }: { status?: string }) => ({
      nodes: tables.entries(status),
      endCursor: null,
      hasNextPage: false,
    });
    return { ...Object.fromEntries(pulls), syncConflicts };
  }

  #mutations(rejections: Rejected[]) {
    const { tables } = this;
    const pushes = ENTITIES.map((entity) => [
      `push${entity.name}`,
      (args: Record<string, PushRow[]>) => tables.push(entity, Object.values(args)[0] ?? [], rejections),
    ]);
    const resolveSyncConflict = ({ id, use, data }: { id: string; use: string; data?: Row }) =>
      tables.resolve(id, use, data);
    return { ...Object.fromEntries(pushes), resolveSyncConflict };
  }

  #subscriptions(from: number) {
    const { tables } = this;
    const streams = ENTITIES.map(({ name }) => {
      const field = `stream${name}`;
      return [field, () => this.#ending(live(tables.changed, () => news(name), news(name)))];
      function news(entity: string): Row | undefined {
        const found = tables.since(entity, from);
        if (found.length === 0) return undefined;
        from = Math.max(from, found.at(-1)?.at ?? from);
        return { [field]: { documents: found.map(({ row }) => row), checkpoint: { cursor: tables.cursor(from) } } };
      }
    });
    const syncConflicts = () => live(tables.filed, (entry) => ({ syncConflicts: entry }));
    return { ...Object.fromEntries(streams), syncConflicts };
  }

  async *#ending(rows: AsyncGenerator<Row>): AsyncGenerator<Row> {
    for await (const row of rows) {
      const end = this.faults.stream?.();
      if (end === 'complete') return;
      if (end === 'error') throw fault('RESYNC_REQUIRED');
      yield end === 'no data' ? {} : row;
    }
  }
}

/** What comes of an observable, as an iterator. */
async function* live<T>(source: Observable<T>, view: (one: T) => Row | undefined, first?: Row) {
  const waiting: Row[] = first ? [first] : [];
  let wake = () => {};
  const following = source.subscribe((one) => {
    const row = view(one);
    if (row) waiting.push(row);
    wake();
  });
  try {
    for (;;) {
      for (let row = waiting.shift(); row; row = waiting.shift()) yield row;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    following.unsubscribe();
  }
}
