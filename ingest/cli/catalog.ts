import { readFile } from 'node:fs/promises';
import type { ApplyAnswer, CatalogChangeAnswer } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, CommandError, EXIT_NO, EXIT_OK, type OptionSpec } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { json, plainText } from './output.js';

const SHARED_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  owner: { type: 'text', value: 'file|api', help: 'whose objects the file stands for; default file' },
  json: { type: 'flag', help: 'print JSON' },
};

const OWNER_DETAIL =
  'What the same owner brought before and the file no longer has is deleted. Objects of another owner are never touched:\na file that has one of them is refused.';

/** `weir catalog apply`: the file becomes the catalog, whole or not at all. */
export const catalogApply: Command = {
  name: 'catalog apply',
  summary: 'put an entitlement file in force, on every gateway when this is done',
  operands: 'FILE',
  operandsMin: 1,
  operandsMax: 1,
  options: SHARED_OPTIONS,
  details: [
    OWNER_DETAIL,
    'A Weir that follows a file of its own (WEIR_CATALOG) takes that file again at its next start, or when it changes.',
  ],
  examples: [{ line: 'catalog apply weir.yaml', what: 'change plans and limits without a restart' }],
  run: (args, io) => apply(args, io, false),
};

/** `weir catalog diff`: what would change. */
export const catalogDiff: Command = {
  name: 'catalog diff',
  summary: 'what an entitlement file would change, and whether it holds',
  operands: 'FILE',
  operandsMin: 1,
  operandsMax: 1,
  options: { ...SHARED_OPTIONS, 'exit-code': { type: 'flag', help: 'exit with 1 when something would change' } },
  details: [OWNER_DETAIL],
  examples: [
    { line: 'catalog diff weir.yaml', what: 'look before you leap' },
    { line: 'catalog diff weir.yaml --exit-code', what: 'in a pipeline: does the catalog match the file?' },
  ],
  run: (args, io) => apply(args, io, true),
};

async function apply(args: Arguments, io: Io, dryRun: boolean): Promise<number> {
  const owner = args.choice('owner', ['file', 'api'], 'file');
  const path = args.operand(0);
  const answer = await connect(io.env).control.applyCatalog(await readCatalogFile(path, io), { dryRun, owner });
  io.out(args.flag('json') ? json(answer) : applyText(answer, path));
  return dryRun && args.flag('exit-code') && answer.changesTotal > 0 ? EXIT_NO : EXIT_OK;
}

async function readCatalogFile(path: string, io: Io): Promise<string> {
  try {
    if (path !== '-') return await readFile(path, 'utf8');
    const chunks: Uint8Array[] = [];
    for await (const chunk of io.stdin) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const SIGNS = { create: '+', update: '~', delete: '-' } as const;

function applyText(answer: ApplyAnswer, path: string): string {
  const { status, version, changes, changesTotal } = answer;
  const lines = changes.flatMap(changeLines);
  const more = changesTotal - changes.length;
  if (more > 0) lines.push(`and ${more} further changes`);
  const told = lines.map((line) => `${plainText(line)}\n`).join('');
  const count = `${changesTotal} change${changesTotal === 1 ? '' : 's'}`;
  switch (status) {
    case 'unchanged':
      return `Nothing changes: the catalog is as ${plainText(path)} says (version ${version}).\n`;
    case 'applied':
      return `${told}${count} in force as version ${version}.\n`;
    case 'planned':
      return changesTotal === 0
        ? `Nothing would change: the catalog is as ${plainText(path)} says (version ${version}).\n`
        : `${told}${count} against version ${version}; put in force by "weir catalog apply".\n`;
  }
}

/** An object's line, and below it the fields that differ. */
function changeLines({ type, id, action, before, after }: CatalogChangeAnswer): string[] {
  const head = `${SIGNS[action]} ${type} ${id}`;
  if (action !== 'update') return [head];
  const fields: string[] = [];
  compare('', before, after, fields);
  return [head, ...fields.map((field) => `    ${field}`)];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Leaves that differ, as `path: before → after`; list members that have ids are matched by them. */
function compare(path: string, before: unknown, after: unknown, told: string[]): void {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  const [left, right] = [byName(before), byName(after)];
  if (left === undefined || right === undefined) {
    told.push(`${path}: ${shown(before)} → ${shown(after)}`);
    return;
  }
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
    compare(path === '' ? name : `${path}.${name}`, left[name], right[name], told);
  }
}

function byName(value: unknown): Record<string, unknown> | undefined {
  if (!Array.isArray(value)) return isRecord(value) ? value : undefined;
  const named = value.map((item: unknown): [string, unknown] | undefined =>
    isRecord(item) && typeof item.id === 'string' ? [item.id, item] : undefined,
  );
  const pairs = named.filter((pair) => pair !== undefined);
  return pairs.length === value.length && value.length > 0 ? Object.fromEntries(pairs) : undefined;
}

const shown = (value: unknown): string => (value === undefined ? '(none)' : JSON.stringify(value));
