// Writers that do not give up: each label is made once, however often the server dies meanwhile.

import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds before a mutation that nobody answered is tried again. */
const RETRY = 20;

/** Far from those that the database gives. */
const FIRST_ID = 1_000_000;

/** Makes `count` labels by several writers at a time; `made` is called after each. */
export async function labels(server, count, writers, made) {
  let next = 0;
  const write = async () => {
    while (next < count) {
      next += 1;
      await persistently(server, FIRST_ID + next);
      await made();
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
}

/** The id is ours: where an answer got lost, the second attempt is a conflict and the label is there. */
async function persistently(server, id) {
  const mutation = `mutation($id: BigInt!, $name: String!) {
    labelCreateOne(data: { id: $id, name: $name }) { id } }`;
  for (;;) {
    try {
      await server.ask(mutation, { id, name: `label ${id}` });
      return;
    } catch (error) {
      if (error.code === 'CONFLICT') return;
      if (error.code && error.code !== 'UNAVAILABLE') throw error;
      await pause(RETRY);
    }
  }
}
