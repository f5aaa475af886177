// graphql-js, which most clients and tools are built on, accepts the schema.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { buildSchema, validateSchema } from 'graphql';

test('graphql-js accepts the schema of the reference application', () => {
  const sdl = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
  assert.deepEqual(validateSchema(buildSchema(sdl)), []);
});
