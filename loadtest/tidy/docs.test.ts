import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { ERRORS } from '../../engine/contract/errors.js';
import { packageRoot } from '../../engine/platform/assets.js';

/** The documents held against the repository: error codes, links, paths, and how soon the README comes to the point. */

const documents = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: packageRoot(),
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(packageRoot(), path)));
const read = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8');
const withoutCode = (text: string): string => text.replace(/^(`{3,}).*?^\1`*$/gms, '');

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .trim()
    .replaceAll(' ', '-');
const anchorsOf = (text: string): string[] =>
  [...withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)].map((match) => anchorOf(match[1] ?? ''));

const ENTRY = /^### (\w+)\n\n\*\*(\d{3})\*\*, (retry|do not retry)\./gm;

test('docs/errors.md has every code of the registry, with its status and whether to send it again, and no other', () => {
  const told = [...read('docs/errors.md').matchAll(ENTRY)].map(([, code, status, retry]) => ({
    code,
    status: Number(status),
    retry: retry === 'retry',
  }));
  const registry = Object.entries(ERRORS).map(([code, { status, retry }]) => ({ code, status, retry }));
  const byCode = (left: { code?: string | undefined }, right: { code?: string | undefined }): number =>
    String(left.code).localeCompare(String(right.code));
  expect(told.sort(byCode)).toEqual(registry.sort(byCode));
});

test('every relative link of a document leads somewhere, down to the heading', () => {
  const broken: string[] = [];
  for (const document of documents) {
    for (const match of withoutCode(read(document)).matchAll(/\]\(([^)\s]+)\)/g)) {
      const link = match[1] ?? '';
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : normalize(join(dirname(document), path));
      const there = existsSync(join(packageRoot(), target));
      const isDocument = there && statSync(join(packageRoot(), target)).isFile() && target.endsWith('.md');
      if (!there || (anchor !== undefined && !(isDocument && anchorsOf(read(target)).includes(anchor)))) {
        broken.push(`${document}: ${link}`);
      }
    }
  }
  expect(broken).toEqual([]);
});

const PATH = /^(?:engine|ingest|analytics|loadtest|scripts|docs)\/[\w./-]*\w$|^[\w.-]+\.(?:md|yml|yaml|json)$/;

test('every path that a document names in backticks exists', () => {
  const lost: string[] = [];
  for (const document of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...decisions()]) {
    for (const match of withoutCode(read(document)).matchAll(/`([^`\n]+)`/g)) {
      const path = match[1] ?? '';
      const example = path.includes('NAME') || ['weir.config.yaml', 'plans.yaml'].includes(path);
      if (PATH.test(path) && !example && !existsSync(join(packageRoot(), path))) lost.push(`${document}: ${path}`);
    }
  }
  expect(lost).toEqual([]);
});

function decisions(): string[] {
  return documents.filter((path) => path.startsWith('docs/decisions/'));
}

test('the ladders of ARCHITECTURE.md name files that exist', () => {
  const named = [...read('ARCHITECTURE.md').matchAll(/\b(?:engine|ingest|analytics)\/[\w/-]+\.(?:ts|lua|sql)\b/g)];
  const lost = named.map(([path]) => path).filter((path) => !existsSync(join(packageRoot(), path)));
  expect(named.length).toBeGreaterThan(30);
  expect(lost).toEqual([]);
});

test('the README shows a command that works within its first 60 lines', () => {
  const lines = read('README.md').split('\n');
  const first = lines.findIndex((line) => line.startsWith('curl '));
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(60);
});

test('every metric that a document names exists', () => {
  const sources = execFileSync('git', ['grep', '-hoE', "'weir_[a-z_]+'", '--', '*.ts'], {
    cwd: packageRoot(),
    encoding: 'utf8',
  });
  const known = new Set([...sources.matchAll(/'(\w+)'/g)].map((match) => match[1]));
  const named = [...read('docs/operations.md').matchAll(/`(weir_[a-z_]+)`/g)].map((match) => match[1] ?? '');
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});
