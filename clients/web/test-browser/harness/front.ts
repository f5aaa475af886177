// One origin for the page and the server, as the server itself is one: the built demo's files, and all
// else sent on. Where there is no server, connections break as they would without it.

import { readFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../../demo/dist/', import.meta.url));

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** Where the page is, and its end. */
export interface Front {
  url: string;
  close(): Promise<void>;
}

/** `behind` tells the server's address: host and port. */
export async function front(behind: () => URL): Promise<Front> {
  const sockets = new Set<Duplex>();
  const server = createServer((asked, answer) => {
    const { pathname } = new URL(asked.url ?? '/', 'http://front');
    if (pathname.startsWith('/demo/')) void serve(pathname.slice('/demo/'.length), answer);
    else forward(behind(), asked, answer);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
    const { hostname, port } = behind();
    const onward = connect(Number(port), hostname, () => {
      const headers = asked.rawHeaders.flatMap((name, place, all) => (place % 2 === 0 ? [`${name}: ${all[place + 1]}`] : []));
      onward.write(`${[`GET ${asked.url} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n`);
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    for (const [one, other] of [[socket, onward], [onward, socket]] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/demo/`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

async function serve(path: string, answer: ServerResponse): Promise<void> {
  const name = path === '' ? 'index.html' : normalize(path);
  const text = name.startsWith('..') ? undefined : await readFile(join(DIST, name)).catch(() => undefined);
  answer.writeHead(text ? 200 : 404, { 'content-type': TYPES[extname(name)] ?? 'text/plain', 'cache-control': 'no-cache' });
  answer.end(text);
}

function forward({ hostname, port }: URL, asked: IncomingMessage, answer: ServerResponse): void {
  const { url, method, headers } = asked;
  const onward = request({ hostname, port, path: url, method, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
    response.on('error', () => answer.destroy());
  });
  onward.on('error', () => answer.destroy());
  asked.pipe(onward);
}
