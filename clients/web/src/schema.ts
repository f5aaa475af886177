// Derives RxDB's schema of an entity from the types that the server reports for its documents.
//
// The fields that are never null form the key: a single one is the primary key, several are joined to `id`.

/** A schema as it is imported from a JSON file: RxDB's types require literals, which such an import loses. */
export interface SchemaFile {
  title: string;
  version: number;
  primaryKey: string | { key: string; fields: string[]; separator: string };
  type: string;
  properties: Record<string, object>;
  required: string[];
}

/** A derived schema, which has narrower types than a file. */
export interface DerivedSchema extends SchemaFile {
  type: 'object';
  properties: Record<string, { type?: string; maxLength?: number }>;
}

/** One field as introspection returns it. */
export interface DocumentField {
  name: string;
  type: { kind: string; name: string | null; ofType?: { kind: string; name: string | null } | null };
}

/** How many characters a key may have, which RxDB needs for its indexes. A joined key may have as many for each
 *  part. */
const KEY_LENGTH = 255;

const TYPES: Record<string, string> = { String: 'string', Int: 'integer', Float: 'number', Boolean: 'boolean' };

const FIELDS =
  'query Document($name: String!) { __type(name: $name) { fields { name type { kind name ofType { kind name } } } } }';

/** Asks the server for the document type of an entity, and derives the schema. */
export async function fetchSchema(url: string, entity: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: FIELDS, variables: { name: `${entity}Document` } }),
  });
  const body = (await response.json()) as {
    data?: { __type: { fields: DocumentField[] } | null } | null;
    errors?: { message: string }[];
  };
  if (body.errors?.[0]) throw new Error(body.errors[0].message);
  const fields = body.data?.__type?.fields;
  if (!fields) throw new Error(`the server has no ${entity}Document: is ${entity} registered for sync?`);
  return deriveSchema(entity, fields);
}

export function deriveSchema(entity: string, fields: DocumentField[]): DerivedSchema {
  const columns = fields.filter(({ name }) => name !== '_deleted');
  const keys = columns.filter(({ type }) => type.kind === 'NON_NULL').map(({ name }) => name);
  const parts = keys.filter((name) => name !== 'id');
  const joined = keys.length > 1;
  const [only] = keys;
  if (only === undefined) throw new Error(`${entity}Document has no key`);
  const properties = Object.fromEntries(
    columns.map(({ name, type }) => {
      const key = keys.includes(name);
      const length = joined && name === 'id' ? parts.length * (KEY_LENGTH + 1) : KEY_LENGTH;
      return [name, key ? { type: 'string', maxLength: length } : typeOf(type.name)];
    }),
  );
  return {
    title: entity,
    version: 0,
    primaryKey: joined ? { key: 'id', fields: parts, separator: '|' } : only,
    type: 'object',
    properties,
    required: keys,
  };
}

/** A scalar without a matching type in JSON (`Json`) may be anything. */
function typeOf(scalar: string | null): { type?: string } {
  const type = scalar === null ? undefined : TYPES[scalar];
  return type === undefined ? {} : { type };
}
