// A client's way to the server: a proxy of its own, which can be cut and can lose answers.

import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export class Network {
  readonly #target: () => URL;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #cut = false;
  #noSockets = false;
  #losing: { pattern: RegExp; left: number } | undefined;
  /** Bodies of the requests that were let through. */
  readonly requests: string[] = [];
  #port = 0;

  private constructor(target: () => string) {
    this.#target = () => new URL(target());
    this.#server = createServer((request, response) => void this.#pass(request, response));
    this.#server.on('connection', (socket) => (this.#cut ? socket.destroy() : this.#keep(socket)));
    this.#server.on('upgrade', (request, socket, head) => this.#tunnel(request, socket as Socket, head));
  }

  /** To a server whose address may change when it starts again. */
  static async to(target: () => string): Promise<Network> {
    const network = new Network(target);
    await new Promise<void>((resolve) => network.#server.listen(0, '127.0.0.1', resolve));
    network.#port = (network.#server.address() as AddressInfo).port;
    return network;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/graphql`;
  }

  /** Ends every connection and lets none through. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#connections) socket.destroy();
  }

  restore(): void {
    this.#cut = false;
  }

  /** From now on only requests get through, as with some gateways. */
  blockSockets(): void {
    this.#noSockets = true;
  }

  /** Lets requests like this reach the server, and cuts the connection before the answer: so many times. */
  loseAnswers(pattern: RegExp, times = 1): void {
    this.#losing = { pattern, left: times };
  }

  /** Answers that are still to be lost. */
  get toLose(): number {
    return this.#losing?.left ?? 0;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', () => socket.destroy());
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    this.requests.push(body.toString());
    const { hostname, port, pathname } = this.#target();
    const { method, headers } = request;
    const onward = forward({ hostname, port, path: pathname, method, headers }, (answer) => {
      const losing = this.#losing;
      if (losing && losing.left > 0 && losing.pattern.test(body.toString())) {
        losing.left -= 1;
        answer.resume();
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => request.socket.destroy());
    onward.end(body);
  }

  #tunnel(request: IncomingMessage, client: Socket, head: Buffer): void {
    if (this.#noSockets) return void client.destroy();
    const { hostname, port, pathname } = this.#target();
    const server = connect(Number(port), hostname);
    this.#keep(server);
    server.on('connect', () => {
      const lines = request.rawHeaders.reduce(
        (text, part, place) => text + part + (place % 2 === 0 ? ': ' : '\r\n'),
        `GET ${pathname} HTTP/1.1\r\n`,
      );
      server.write(`${lines}\r\n`);
      server.write(head);
      server.pipe(client).pipe(server);
    });
    server.on('close', () => client.destroy());
    client.on('close', () => server.destroy());
  }
}
