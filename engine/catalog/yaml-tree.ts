import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';

/** Uses of aliases in one file: enough to share a plan's limits, too few to unfold into a bomb. */
const ALIASES_MAX = 1_000;

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface SyntaxFault extends Position {
  readonly message: string;
}

/** A YAML text as plain values, and where each of them stands. */
export interface YamlTree {
  readonly value: unknown;
  readonly faults: readonly SyntaxFault[];
  /** True when the text names parts of itself, so that it cannot be read in pieces. */
  readonly hasAnchors: boolean;
  /** Where a value, or a field by its key, stands; the nearest one around it when there is no such value. */
  position(path: readonly PropertyKey[]): Position;
}

/**
 * Reads YAML 1.2 by its core schema: a time such as 2026-01-31T10:00:00Z stays text. JSON is YAML too.
 * Keys that repeat, aliases in excess and several documents are faults.
 */
export function readYaml(text: string): YamlTree {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  try {
    // Keys are compared by us: the package compares each with each, which takes minutes for a large map.
    const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
    const faults = document.errors.map((error) => ({ ...at(error.pos[0]), message: error.message }));
    let hasAnchors = false;
    visit(document, {
      Map: (_, map) => {
        faults.push(
          ...repeatedKeys(map).map(({ key, offset }) => ({ ...at(offset), message: `the key ${key} repeats` })),
        );
      },
      Node: (_, node) => {
        if (isAlias(node) || node.anchor !== undefined) hasAnchors = true;
      },
    });
    const value: unknown = faults.length === 0 ? document.toJS({ maxAliasCount: ALIASES_MAX }) : undefined;
    return { value, faults, hasAnchors, position: (path) => at(offsetOf(document, path)) };
  } catch (error) {
    // A RangeError is a stack too deep, a ReferenceError an alias: the text asks for more than we give.
    if (!(error instanceof Error) || !(error.name === 'RangeError' || error.name === 'ReferenceError')) throw error;
    const message = error.name === 'RangeError' ? 'is nested too deep' : error.message;
    const top = { line: 1, column: 1 };
    return { value: undefined, faults: [{ ...top, message }], hasAnchors: true, position: () => top };
  }
}

function repeatedKeys(map: YAMLMap): { key: string; offset: number }[] {
  const seen = new Set<unknown>();
  const repeated: { key: string; offset: number }[] = [];
  for (const { key } of map.items) {
    if (!isScalar(key)) continue;
    if (seen.has(key.value)) repeated.push({ key: JSON.stringify(key.value), offset: key.range?.[0] ?? 0 });
    seen.add(key.value);
  }
  return repeated;
}

/** The offset of the deepest part of the path that is there: a field's key, or an item of a list. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = startOf(node, 0);
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = startOf(pair.key, offset);
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      offset = startOf(node, offset);
    } else break;
  }
  return offset;
}

const startOf = (node: unknown, otherwise: number): number =>
  isNode(node) ? (node.range?.[0] ?? otherwise) : otherwise;
