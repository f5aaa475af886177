#!/usr/bin/env node
// seachange-schema: writes an entity's schema to standard output.

import { fetchSchema } from './schema.js';

const [url, entity] = process.argv.slice(2);
if (!url || !entity) {
  console.error('usage: seachange-schema URL ENTITY > entity.schema.json');
  console.error('A token is taken from SEACHANGE_TOKEN.');
  process.exit(2);
}
const token = process.env.SEACHANGE_TOKEN;
try {
  const schema = await fetchSchema(url, entity, token ? { authorization: `Bearer ${token}` } : {});
  console.log(JSON.stringify(schema, null, 2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
