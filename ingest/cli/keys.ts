import { scopeSchema } from '../../engine/contract/catalog.js';
import { type KeyAnswer, WeirApiError } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, EXIT_OK, UsageError } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { didYouMean } from './nearest.js';
import { json, plainText, rowsTable } from './output.js';

const SCOPES = scopeSchema.options;
const PAGE_KEYS = 1_000;

/** `weir keys create`: the only command that ever prints a key, and only the one it made. */
export const keysCreate: Command = {
  name: 'keys create',
  summary: 'make an API key, and print it once',
  operands: '[ID]',
  operandsMin: 0,
  operandsMax: 1,
  options: {
    scope: { type: 'text', value: 'SCOPE', multiple: true, help: `${SCOPES.join(', ')}; default check and ingest` },
    customer: { type: 'text', value: 'ID', help: 'a key that serves this customer only' },
    name: { type: 'text', value: 'TEXT', help: 'what it is for' },
    json: { type: 'flag', help: 'print JSON' },
  },
  details: ['The key is shown this one time: Weir keeps its digest only.'],
  examples: [
    { line: 'keys create api-server --name "API servers"', what: 'a key for checks and events' },
    { line: 'keys create --scope read --customer acme', what: 'a key by which acme reads its own usage' },
    { line: 'keys create --json | jq -r .key > api.key', what: 'straight into a file' },
  ],
  run: create,
};

export const keysList: Command = {
  name: 'keys list',
  summary: 'the API keys there are: ids and scopes, never the keys',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: { json: { type: 'flag', help: 'print JSON' } },
  examples: [{ line: 'keys list', what: 'who has access' }],
  run: list,
};

export const keysRevoke: Command = {
  name: 'keys revoke',
  summary: 'revoke an API key: no gateway takes it any more when this is done',
  operands: 'ID',
  operandsMin: 1,
  operandsMax: 1,
  options: {},
  examples: [{ line: 'keys revoke api-server', what: 'the key has leaked' }],
  run: revoke,
};

async function create(args: Arguments, io: Io): Promise<number> {
  const scopes = (args.has('scope') ? args.list('scope').flatMap((text) => text.split(',')) : ['check', 'ingest']).map(
    (text) => {
      const scope = SCOPES.find((each) => each === text.trim());
      if (scope !== undefined) return scope;
      throw new UsageError(
        `--scope is one of ${SCOPES.join(', ')}, not ${JSON.stringify(text)}${didYouMean(text, SCOPES)}`,
      );
    },
  );
  const { control } = connect(io.env);
  const id = args.operands[0];
  if (id !== undefined) await refuseExisting(() => control.getKey(id), id);
  const made = await control.putKey(id, {
    scopes: [...new Set(scopes)],
    ...(args.has('customer') ? { customer: args.required('customer') } : {}),
    ...(args.has('name') ? { name: args.required('name') } : {}),
  });
  if (args.flag('json')) io.out(json(made));
  else {
    io.out(`${made.key ?? ''}\n`);
    io.err(`Made the key ${plainText(made.id)} (${made.scopes.join(', ')}). It is not shown again.\n`);
  }
  return EXIT_OK;
}

/** Putting an id that is taken would change that key's scopes, which "create" does not say. */
async function refuseExisting(read: () => Promise<KeyAnswer>, id: string): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (error instanceof WeirApiError && error.code === 'not_found') return;
    throw error;
  }
  throw new UsageError(`there is a key ${JSON.stringify(id)} already: revoke it first, or take another id`);
}

async function list(args: Arguments, io: Io): Promise<number> {
  const { control } = connect(io.env);
  const keys: KeyAnswer[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await control.listKeys({ limit: PAGE_KEYS, cursor });
    keys.push(...page.rows);
    if (page.nextCursor === undefined) break;
    cursor = page.nextCursor;
  }
  if (args.flag('json')) io.out(json(keys));
  else if (keys.length === 0) io.out('There are no keys yet but the admin key: make one with "weir keys create".\n');
  else io.out(rowsTable(['id', 'name', 'scopes', 'customer', 'createdAt'], keys));
  return EXIT_OK;
}

async function revoke(args: Arguments, io: Io): Promise<number> {
  const id = args.operand(0);
  await connect(io.env).control.revokeKey(id);
  io.out(`Revoked ${plainText(id)}.\n`);
  return EXIT_OK;
}
