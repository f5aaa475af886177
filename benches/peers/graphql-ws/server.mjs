// The reference server of `graphql-transport-ws`, as a peer of `cargo bench -- fanout`: prints where it
// listens, then publishes the changes that its input asks for (`publish FROM COUNT`), until that ends.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

const schema = buildSchema(`
  scalar JSON
  enum ChangeOperation { INSERT UPDATE DELETE }
  type Change { cursor: String! entity: String! operation: ChangeOperation! after: JSON }
  type Query { ok: Boolean! }
  type Subscription { changes: Change! }
`);

const subscribers = new Set();

async function* changes() {
  const subscriber = { waiting: [], wake: () => {} };
  subscribers.add(subscriber);
  try {
    for (;;) {
      while (subscriber.waiting.length === 0) {
        await new Promise((wake) => {
          subscriber.wake = wake;
        });
      }
      const batch = subscriber.waiting;
      subscriber.waiting = [];
      for (const change of batch) {
        yield { changes: change };
      }
    }
  } finally {
    subscribers.delete(subscriber);
  }
}

function publish(from, count) {
  const burst = Array.from({ length: count }, (_, index) => {
    const number = from + index;
    return {
      cursor: `0123456789abcdef.0.0.${number}`,
      entity: 'label',
      operation: 'INSERT',
      after: { id: String(number), name: `change ${String(number).padStart(8, '0')}` },
    };
  });
  for (const subscriber of subscribers) {
    subscriber.waiting.push(...burst);
    subscriber.wake();
  }
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/graphql' });
await once(server, 'listening');
// No pings: they would only cost it time.
useServer({ schema, roots: { subscription: { changes } } }, server, 0);
console.log(`listening 127.0.0.1:${server.address().port}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [, from, count] = line.split(' ').map(Number);
  publish(from, count);
}
process.exit();
