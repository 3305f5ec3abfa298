import { type Position, readYaml, type SyntaxFault, type YamlTree } from './yaml-tree.js';

/**
 * Reads a large catalog file. The yaml package takes 130 µs for one line of a customer, 13 s for 100 000 of them, so
 * the items of the section `customers` are cut out and read one by one: those in the plain forms that programs write
 * by the patterns below (some µs each), all others by the package. What comes out is the same, which a test holds
 * against the package; where the text is not cut with certainty, it is read as a whole.
 */
export function readLargeYaml(text: string): YamlTree {
  const plain = text.replaceAll('\r\n', '\n');
  const cut = cutCustomers(plain);
  return (cut === undefined ? undefined : readCut(cut)) ?? readYaml(plain);
}

interface Cut {
  /** The file without the items. */
  readonly rest: string;
  /** Line of `customers:`, from 1. */
  readonly line: number;
  readonly lines: readonly string[];
  /** Column of the items' dashes. */
  readonly indent: number;
  /** Where each item begins among the lines. */
  readonly starts: readonly number[];
}

const HEAD = /^customers:[ \t]*(?:#.*)?\n/m;
/** A document's marker or a directive: more than one document, perhaps. */
const MARKER = /^(?:---|\.\.\.|%)/m;
/** The first line of the next section. */
const NEXT_SECTION = /^[^\s#-]/m;
const ITEM = /^( *)-(?: |$)/;

function cutCustomers(text: string): Cut | undefined {
  const head = HEAD.exec(text);
  if (head === null || MARKER.test(text)) return undefined;
  const from = head.index + head[0].length;
  const after = text.slice(from);
  const next = NEXT_SECTION.exec(after)?.index ?? after.length;
  const lines = after.slice(0, next).split('\n');
  const first = lines.find((line) => !isAside(line));
  const indent = first === undefined ? undefined : ITEM.exec(first)?.[1]?.length;
  if (indent === undefined) return undefined;
  const starts: number[] = [];
  for (const [index, line] of lines.entries()) {
    if (isAside(line)) continue;
    const item = ITEM.exec(line)?.[1]?.length === indent;
    if (item) starts.push(index);
    else if (!line.startsWith(' '.repeat(indent + 1))) return undefined;
  }
  const line = text.slice(0, head.index).split('\n').length;
  return { rest: text.slice(0, from) + after.slice(next), line, lines, indent, starts };
}

const isAside = (line: string): boolean => /^ *(?:#|$)/.test(line);

/** @returns undefined where the pieces refer to each other. */
function readCut({ rest, line, lines, indent, starts }: Cut): YamlTree | undefined {
  const tree = readYaml(rest);
  const removed = lines.length - 1;
  const shifted = <P extends Position>(position: P): P =>
    position.line > line ? { ...position, line: position.line + removed } : position;
  const faults: SyntaxFault[] = tree.faults.map(shifted);
  const customers: unknown[] = [];
  const slice = (index: number): string => lines.slice(starts[index], starts[index + 1]).join('\n');
  const lineOf = (index: number): number => line + (starts[index] ?? 0);
  for (const [index, start] of starts.entries()) {
    const end = starts[index + 1] ?? lines.length;
    let value: unknown = readPlainItem(lines, start, end, indent);
    if (value === undefined) {
      const item = readYaml(slice(index));
      if (item.hasAnchors) return undefined;
      faults.push(...item.faults.map((fault) => ({ ...fault, line: fault.line + lineOf(index) })));
      value = Array.isArray(item.value) && item.value.length === 1 ? (item.value[0] ?? null) : null;
    }
    customers.push(value);
  }
  const { value: sections } = tree;
  if (typeof sections !== 'object' || sections === null) return undefined;
  return {
    value: faults.length === 0 ? { ...sections, customers } : undefined,
    faults,
    hasAnchors: tree.hasAnchors,
    position(path) {
      const [section, index, ...within] = path;
      if (section !== 'customers' || typeof index !== 'number') return shifted(tree.position(path));
      const position = readYaml(slice(index)).position([0, ...within]);
      return { ...position, line: position.line + lineOf(index) };
    },
  };
}

const WORD = '[A-Za-z0-9_./@+-]';
/** A plain scalar that is one in any context: no colon or space but before a further word character. */
const PLAIN = `[A-Za-z0-9](?:${WORD}|[: ](?=${WORD}))*`;
const TEXT = '"[^"\\\\]*"';
const SCALAR = `${PLAIN}|${TEXT}`;
const LIST = `\\[ *(?:(?:${SCALAR}) *(?:, *(?:${SCALAR}) *)*)?\\]`;
const VALUE = `(${SCALAR}|${LIST})`;
const KEY = '([A-Za-z]+): +|"([A-Za-z]+)" *: +';
/** Within braces a quoted key may have its value right behind the colon, as in JSON. */
const FLOW_KEY = '([A-Za-z]+): +|"([A-Za-z]+)" *: *';
const COMMENT = '(?: +#.*)? *$';
const FLOW_ITEM = new RegExp(`^ *- +\\{ *(.*[^ ]) *\\}${COMMENT}`);
const FLOW_PAIR = new RegExp(`(?:${FLOW_KEY})${VALUE} *(?:, *|$)`, 'y');
const BLOCK_PAIR = new RegExp(`^((?: *- )? *)(?:${KEY})${VALUE}${COMMENT}`);
const SCALARS = new RegExp(SCALAR, 'g');
/** What the core schema takes for a number. */
const NUMBER = /^(?:[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)$/;
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...['null', 'Null', 'NULL'].map((word): [string, unknown] => [word, null]),
  ...['true', 'True', 'TRUE'].map((word): [string, unknown] => [word, true]),
  ...['false', 'False', 'FALSE'].map((word): [string, unknown] => [word, false]),
]);

/** An item in one of the plain forms, `- { id: acme, plan: pro }` or one field a line; undefined for any other. */
function readPlainItem(lines: readonly string[], start: number, end: number, indent: number): object | undefined {
  let last = end;
  while (last > start + 1 && isAside(lines[last - 1] ?? '')) last -= 1;
  const flow = last === start + 1 ? FLOW_ITEM.exec(lines[start] ?? '')?.[1] : undefined;
  return flow === undefined ? readBlock(lines, start, last, indent) : readFlow(flow);
}

function readFlow(text: string): object | undefined {
  const fields: Record<string, unknown> = {};
  FLOW_PAIR.lastIndex = 0;
  while (FLOW_PAIR.lastIndex < text.length) {
    const pair = FLOW_PAIR.exec(text);
    // A comma at the end is left to the package.
    if (pair === null || (FLOW_PAIR.lastIndex === text.length && /, *$/.test(pair[0]))) return undefined;
    if (!addField(fields, pair[1] ?? pair[2] ?? '', pair[3] ?? '')) return undefined;
  }
  return fields;
}

function readBlock(lines: readonly string[], start: number, end: number, indent: number): object | undefined {
  const fields: Record<string, unknown> = {};
  let column: number | undefined;
  for (let index = start; index < end; index++) {
    const pair = BLOCK_PAIR.exec(lines[index] ?? '');
    const [, lead = '', key, quoted, value = ''] = pair ?? [];
    const isFirst = index === start;
    column ??= lead.length;
    if (pair === null || lead.length !== column || lead.trim() !== (isFirst ? '-' : '')) return undefined;
    if (column < indent + 2 || !addField(fields, key ?? quoted ?? '', value)) return undefined;
  }
  return fields;
}

/** @returns false for what is left to the package: numbers, and a key that repeats. */
function addField(fields: Record<string, unknown>, key: string, text: string): boolean {
  if (key in fields) return false;
  if (!text.startsWith('[')) {
    const value = readScalar(text);
    fields[key] = value;
    return value !== undefined;
  }
  const items = (text.slice(1, -1).match(SCALARS) ?? []).map(readScalar);
  fields[key] = items;
  return !items.includes(undefined);
}

function readScalar(text: string): unknown {
  if (text.startsWith('"')) return text.slice(1, -1);
  if (NUMBER.test(text)) return undefined;
  return WORDS.has(text) ? WORDS.get(text) : text;
}
