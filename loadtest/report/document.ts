import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { assetPath } from '../../engine/platform/assets.js';
import {
  comparisonRows,
  cpuText,
  drainText,
  drawnDryText,
  generatorText,
  machineText,
  redisText,
  settingsText,
  strangersText,
  titleOf,
  verdictRows,
} from './format.js';
import type { Comparison, Report } from './report.js';

const DOCUMENT = 'docs/benchmarks.md';
const BEGIN = '<!-- loadtest: written by "npm run loadtest -- --write-docs" -->';
const END = '<!-- loadtest: end -->';
const NEW_DOCUMENT = `# Benchmarks\n\n${BEGIN}\n${END}\n`;

/** The report in Markdown. */
export function markdownReport(report: Report): string {
  const parts = [
    `Measured ${report.startedAt.slice(0, 10)} on ${machineText(report.machine)}. ${settingsText(report)}.`,
    ...report.comparisons.map(comparisonMarkdown),
  ];
  if (report.drawnDry !== null) parts.push(`### exact\n\n${drawnDryText(report.drawnDry)}.`);
  if (report.verdict !== null) {
    const verdict = report.verdict.exact ? 'exact' : '**not exact**';
    parts.push(`### Exactness over the whole run: ${verdict}\n\n${table(['', ''], verdictRows(report.verdict))}`);
  }
  return parts.join('\n\n');
}

function comparisonMarkdown(comparison: Comparison): string {
  const { subject, ceiling } = comparison;
  const head = ['', subject.name, ceiling?.name ?? '', ceiling === null ? '' : `÷ ${ceiling.name}`];
  const notes = [
    `CPU seconds per million: ${cpuText(subject)}${ceiling === null ? '' : ` (${ceiling.name}: ${cpuText(ceiling)})`}`,
    `Redis: ${redisText(subject)}; ${drainText(subject)}`,
    generatorText(comparison),
    strangersText(comparison),
  ];
  const list = notes.map((note) => `- ${note}`).join('\n');
  return `### ${titleOf(comparison)}\n\n${table(head, comparisonRows(comparison))}\n\n${list}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** Puts text between the markers of a document. @throws Error where they are missing. */
export function withReport(document: string, text: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${DOCUMENT} must have the lines ${BEGIN} and ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${document.slice(end)}`;
}

/** Writes the report into docs/benchmarks.md, which is made where it is missing. @returns its path. */
export function writeDocument(report: Report): string {
  const path = assetPath(DOCUMENT);
  const before = existsSync(path) ? readFileSync(path, 'utf8') : NEW_DOCUMENT;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, withReport(before, markdownReport(report)));
  return path;
}
