import type { CatalogDocument } from '../contract/catalog.js';
import { readLargeYaml } from './customer-lines.js';
import { SECTIONS, type SourcedType } from './diff.js';
import { type BodyOf, parseObject } from './objects.js';
import type { Problem } from './problems.js';
import { type Position, readYaml, type YamlTree } from './yaml-tree.js';

/** Bytes of a catalog file. */
export const CATALOG_BYTES_MAX = 64 * 1024 * 1024;
/** Files past this are read by `readLargeYaml`. */
const LARGE_CHARS = 64 * 1024;
/** Faults that are told of one file; past it only their number. */
const FAULTS_MAX = 1_000;

/** What does not hold in a catalog file. Line and column count from 1; 0 where it stands in no line of the file. */
export interface CatalogFault extends Position {
  /** Such as `plans[0].features.chat.limits[1].refill`. */
  readonly path: string;
  readonly message: string;
}

/** A catalog file as far as it can be read. */
export interface ParsedCatalog {
  /** The objects that match their schemas. */
  readonly document: CatalogDocument;
  /** `type:id` of the objects that do not match their schemas: they exist, but cannot be looked into. */
  readonly broken: ReadonlySet<string>;
  /** All faults in the order of their lines: those of syntax and schema, and further problems of the document. */
  faults(problems?: readonly Problem[]): readonly CatalogFault[];
}

type Sections = { [T in SourcedType]: BodyOf[T][] };

/**
 * Reads an entitlement file (YAML or JSON) up to what can be said of each object for itself. References are for
 * `validateCatalog`, since an object may refer to one of another source.
 */
export function parseCatalog(text: string): ParsedCatalog {
  if (text.length > CATALOG_BYTES_MAX) return refused(`is larger than ${CATALOG_BYTES_MAX} bytes`);
  const tree = text.length > LARGE_CHARS ? readLargeYaml(text) : readYaml(text);
  const found: Problem[] = [];
  const broken = new Set<string>();
  const bodies: Sections = { meter: [], feature: [], plan: [], addon: [], customer: [] };
  /** Where the document's objects stand in their sections of the file, which also hold the broken ones. */
  const indices = new Map<string, number[]>();
  const root = tree.faults.length === 0 ? sectionsOf(tree, found) : {};
  for (const { type, section } of SECTIONS) {
    indices.set(section, readSection(type, section, root[section], bodies[type], found, broken));
  }
  const { meter: meters, feature: features, plan: plans, addon: addons, customer: customers } = bodies;
  return {
    document: { meters, features, plans, addons, customers },
    broken,
    faults: (problems = []) => {
      const inFile = problems.map((problem) => ({ ...problem, path: pathInFile(problem.path, indices) }));
      const all = [...found, ...inFile];
      const located = all.slice(0, FAULTS_MAX).map(({ path, message }) => {
        const position = path.length === 0 ? NOWHERE : tree.position(path);
        return { ...position, path: spellPath(path), message };
      });
      const syntax = tree.faults.slice(0, FAULTS_MAX).map((fault) => ({ ...fault, path: '' }));
      const told = [...syntax, ...located].sort((a, b) => a.line - b.line || a.column - b.column);
      const more = all.length + tree.faults.length - told.length;
      return more === 0 ? told : [...told, { ...NOWHERE, path: '', message: `and ${more} further faults` }];
    },
  };
}

const NOWHERE: Position = { line: 0, column: 0 };

function refused(message: string): ParsedCatalog {
  const fault = { line: 1, column: 1, path: '', message };
  const document = { meters: [], features: [], plans: [], addons: [], customers: [] };
  return { document, broken: new Set(), faults: () => [fault] };
}

/** The sections by name. An empty file is a fault: it is rather a file half written than the wish to delete all. */
function sectionsOf(tree: YamlTree, found: Problem[]): Readonly<Record<string, unknown>> {
  const { value } = tree;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message =
      value === null || value === undefined ? 'is empty: write {} for a catalog of nothing' : 'is no map of sections';
    found.push({ path: ['(file)'], message });
    return {};
  }
  const names = new Set<string>(SECTIONS.map(({ section }) => section));
  for (const name of Object.keys(value)) {
    if (!names.has(name)) found.push({ path: [name], message: `there is no section ${JSON.stringify(name)}` });
  }
  return { ...value };
}

function readSection<T extends SourcedType>(
  type: T,
  section: string,
  items: unknown,
  bodies: BodyOf[T][],
  found: Problem[],
  broken: Set<string>,
): number[] {
  const indices: number[] = [];
  if (items === undefined || items === null) return indices;
  if (!Array.isArray(items)) {
    found.push({ path: [section], message: 'must be a list' });
    return indices;
  }
  items.forEach((item: unknown, index) => {
    const parsed = parseObject(type, item);
    if (parsed.ok) {
      bodies.push(parsed.body);
      indices.push(index);
      return;
    }
    for (const { path, message } of parsed.problems) found.push({ path: [section, index, ...path], message });
    if (typeof item === 'object' && item !== null && 'id' in item) broken.add(`${type}:${String(item.id)}`);
  });
  return indices;
}

function pathInFile(
  path: readonly PropertyKey[],
  indices: ReadonlyMap<string, readonly number[]>,
): readonly PropertyKey[] {
  const [section, index, ...rest] = path;
  if (typeof section !== 'string' || typeof index !== 'number') return path;
  return [section, indices.get(section)?.[index] ?? index, ...rest];
}

function spellPath(path: readonly PropertyKey[]): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at === 0 ? '' : '.'}${String(step)}`))
    .join('');
}
