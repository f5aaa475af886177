// graphql-ws as an application would set it up, and what its subscriptions deliver.

import assert from 'node:assert/strict';

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

import { Inbox } from './wait.js';

/** A client of the server that ends with the test. Its retries are quicker than its own default. */
export function socketClient(server, options = {}) {
  const events = new Inbox();
  const on = {};
  for (const name of ['connecting', 'connected', 'closed', 'ping', 'pong']) {
    on[name] = (...details) => events.push({ name, details });
  }
  const client = createClient({
    url: server.socketUrl,
    webSocketImpl: WebSocket,
    retryAttempts: Infinity,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 25)),
    shouldRetry: () => true,
    on,
    ...options,
  });
  server.beforeEnd(() => client.dispose());
  /** The events of one name so far. */
  const seen = (name) => events.items.filter((event) => event.name === name);
  return Object.assign(client, { events, seen });
}

export const FOLLOW = `subscription($after: String, $entities: [String!]) {
  changes(after: $after, entities: $entities) { cursor entity operation after } }`;

/**
 * Subscribes. The client sends the same `variables` when it connects again, so it continues where
 * `move` has left them: by default behind the last change it was given.
 */
export function follow(client, variables, query = FOLLOW, move = null) {
  const inbox = new Inbox();
  const outcome = { inbox, variables };
  const proceed = move ?? (({ cursor }) => (variables.after = cursor));
  outcome.ended = new Promise((resolve) => {
    outcome.stop = client.subscribe({ query, variables }, {
      next({ data, errors }) {
        assert.equal(errors, undefined);
        const [change] = Object.values(data);
        proceed(change);
        inbox.push(change);
      },
      error: (error) => resolve({ error }),
      complete: () => resolve({ complete: true }),
    });
  });
  return outcome;
}

/** The one answer of a query or mutation. */
export function once(client, query, variables = {}, extensions = {}) {
  return new Promise((resolve, reject) => {
    let answer;
    client.subscribe({ query, variables, extensions }, {
      next: (next) => (answer = next),
      error: reject,
      complete: () => resolve(answer),
    });
  });
}
