import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../engine/platform/assets.js';

/** The repository held against its own rules: directions of imports, sizes, where the environment is read, Lua headers. */

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: packageRoot(),
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '');
const read = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8');
const sources = files.filter((path) => /^(engine|ingest|analytics|loadtest)\/.*\.tsx?$/.test(path));
const isTest = (path: string): boolean => /\.test\.tsx?$|test-support|testing|-support\.ts$|fake-/.test(path);
/** Mains put the parts together: they alone read the environment and cross folders. */
const isMain = (path: string): boolean => /(^|\/)main\.tsx?$/.test(path) || path.startsWith('ingest/cli/');

const IMPORT = /^(?:import|export)\s[^'";]*?from\s+'(\.[^']+)'|^import\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm;

function importsOf(path: string, but = /^$/): string[] {
  return [...read(path).matchAll(IMPORT)]
    .filter(([statement]) => !but.test(statement))
    .map((match) => {
      const target = normalize(join(dirname(path), match[1] ?? match[2] ?? match[3] ?? ''));
      return target.replace(/\.js$/, '.ts');
    });
}

/** What each folder may import of the others, as prefixes; its own files it may always. */
const ALLOWED: Record<string, readonly string[]> = {
  engine: [],
  ingest: ['engine/index.ts', 'engine/contract/', 'engine/platform/'],
  // The calendar of windows is pure, and the console's pages bundle it alone.
  analytics: ['engine/index.ts', 'engine/contract/', 'engine/platform/', 'engine/limits/window.ts', 'ingest/http/'],
  loadtest: ['engine/index.ts', 'engine/contract/', 'engine/platform/', 'ingest/client/'],
};
/** Each exception with its reason. */
const EXCEPTIONS: readonly { from: string; to: string; why: string }[] = [
  {
    from: 'loadtest/baselines/',
    to: 'engine/',
    why: 'the ceiling of a batch is the commit script itself, called flat out',
  },
  {
    from: 'loadtest/harness/redis-cluster.ts',
    to: 'engine/simulate/servers.ts',
    why: 'when a failover is over is said once, for the tests and the simulation',
  },
  { from: 'ingest/relay/', to: 'engine/store/', why: 'the relay empties the outbox, which only the store can spell' },
];

const inCatalogOrder = (paths: readonly string[]): string[] => [...paths].sort();

test('dependencies point one way: engine ← ingest ← analytics, and the load test sees the wire', () => {
  const wrong: string[] = [];
  for (const from of sources.filter((path) => !isTest(path) && !isMain(path))) {
    const folder = from.split('/')[0] ?? '';
    for (const to of importsOf(from)) {
      if (to.startsWith(`${folder}/`)) continue;
      const allowed = (ALLOWED[folder] ?? []).some((prefix) => to.startsWith(prefix));
      const excepted = EXCEPTIONS.some((exception) => from.startsWith(exception.from) && to.startsWith(exception.to));
      if (!allowed && !excepted) wrong.push(`${from} imports ${to}`);
    }
  }
  expect(inCatalogOrder(wrong)).toEqual([]);
});

test('no file imports itself in a circle, types aside', () => {
  const graph = new Map(sources.map((path) => [path, importsOf(path, /^import type /)]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path].join(' → '));
    else if (!done.has(path)) {
      for (const next of graph.get(path) ?? []) visit(next, [...way, path]);
      done.add(path);
    }
  };
  for (const path of sources) visit(path, []);
  expect(circles).toEqual([]);
});

test('only mains read the environment', () => {
  const wrong = sources.filter(
    (path) => !isMain(path) && !isTest(path) && /^(?!\s*(\*|\/\/|\/\*)).*\bprocess\.env\b/m.test(read(path)),
  );
  expect(wrong.filter((path) => !path.endsWith('vite.config.ts') && !path.startsWith('loadtest/harness/'))).toEqual([]);
});

test('a file is one noun: no source is longer than 400 lines', () => {
  const long = files
    .filter((path) => /\.(tsx?|lua|sql|mjs)$/.test(path))
    .map((path) => ({ path, lines: read(path).split('\n').length }))
    .filter(({ lines }) => lines > 400);
  expect(long).toEqual([]);
});

test('every Lua function says in its header what its keys, arguments and replies are', () => {
  const functions = files.filter((path) => /^engine\/store\/lua\/[^/]+\.lua$/.test(path));
  expect(functions.length).toBeGreaterThan(0);
  for (const path of functions) {
    const header = read(path).split(/\n(?!--)/)[0] ?? '';
    const name = path.replace(/^.*\/|\.lua$/g, '');
    expect(header.startsWith(`-- ${name}`), `${path} starts with its name`).toBe(true);
    const body = read(path).slice(header.length);
    const used = new Set([...body.matchAll(/\b(KEYS|ARGV)\[(\d+)\]/g)].map((match) => `${match[1]}[${match[2]}]`));
    for (const argument of used) expect(header, `${path} documents ${argument}`).toContain(argument.slice(0, -1));
    expect(header, `${path} documents its reply`).toMatch(/Repl(y|ies)/);
  }
});

test('what is committed names no machine of ours', () => {
  const places = [['/wo', 'rk/'].join(''), ['/tmp/ba', 'sh_jobs'].join(''), ['registry.', 'npmjs'].join('')];
  const wrong = files
    .filter((path) => !/\.(png|lock)$/.test(path))
    .filter((path) => places.some((place) => read(path).includes(place)));
  expect(wrong).toEqual([]);
});
