// The GraphQL of the model: for each entity the fields that the server's contract names.

export interface ModelEntity {
  name: string;
  keys: string[];
  fields: Record<string, string>;
  policy: 'manual' | 'merge' | 'last';
  /** Fields that name a row of another entity. */
  parents: Record<string, string>;
}

export const ENTITIES: ModelEntity[] = [
  {
    name: 'Project',
    keys: ['id'],
    fields: { name: 'String', owner: 'String', archived: 'Boolean', createdAt: 'String', updatedAt: 'String' },
    policy: 'manual',
    parents: {},
  },
  {
    name: 'Task',
    keys: ['id'],
    fields: {
      projectId: 'String',
      title: 'String',
      body: 'String',
      status: 'String',
      priority: 'Int',
      estimate: 'String',
      dueOn: 'String',
      details: 'Json',
      owner: 'String',
      createdAt: 'String',
      updatedAt: 'String',
    },
    policy: 'merge',
    parents: { projectId: 'Project' },
  },
  { name: 'Label', keys: ['id'], fields: { name: 'String' }, policy: 'last', parents: {} },
  {
    name: 'TaskLabel',
    keys: ['taskId', 'labelId'],
    fields: {},
    policy: 'last',
    parents: { taskId: 'Task', labelId: 'Label' },
  },
];

export const MANAGED = ['createdAt', 'updatedAt', 'id', '_deleted'];

function lower(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function types({ name, keys, fields }: ModelEntity): string {
  const columns = { ...Object.fromEntries(keys.map((key) => [key, 'String!'])), ...fields };
  const joined = keys.length > 1 ? { id: 'String!' } : {};
  const all = { ...columns, ...joined, _deleted: 'Boolean!' };
  return `
    scalar ${name}InputHeaders
    scalar ${name}SyncInput
    input ${name}InputCheckpoint { cursor: String! }
    type ${name}Checkpoint { cursor: String! }
    type ${name}Document { ${Object.entries(all).map(([field, type]) => `${field}: ${type}`).join(' ')} }
    type ${name}PullBulk { documents: [${name}Document!]! checkpoint: ${name}Checkpoint }
    input ${name}InputPushRow { assumedMasterState: ${name}SyncInput newDocumentState: ${name}SyncInput! }`;
}

const each = (line: (entity: ModelEntity) => string) => ENTITIES.map(line).join('\n');

export const SDL = `
  scalar Json
  enum SyncConflictStatus { OPEN RESOLVED REJECTED }
  enum SyncResolution { KEEP_SERVER USE_CLIENT USE_DATA }
  type SyncConflict {
    id: String! entity: String! key: Json! status: SyncConflictStatus! reason: String!
    assumed: Json server: Json client: Json! actor: String recordedAt: String! resolvedAt: String
  }
  type SyncConflictPage { nodes: [SyncConflict!]! endCursor: String hasNextPage: Boolean! }
  ${each(types)}
  type Query {
    syncConflicts(entity: String, status: SyncConflictStatus, first: Int, after: String): SyncConflictPage!
    ${each(({ name }) => `pull${name}(checkpoint: ${name}InputCheckpoint, limit: Int!): ${name}PullBulk!`)}
  }
  type Mutation {
    resolveSyncConflict(id: String!, use: SyncResolution!, data: Json, seen: Json): SyncConflict!
    ${each(({ name }) => `push${name}(${lower(name)}PushRow: [${name}InputPushRow!]): [${name}Document!]!`)}
  }
  type Subscription {
    syncConflicts(entity: String): SyncConflict!
    ${each(({ name }) => `stream${name}(headers: ${name}InputHeaders): ${name}PullBulk!`)}
  }`;
