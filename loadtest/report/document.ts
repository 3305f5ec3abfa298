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
  memoryRows,
  memoryTitle,
  PROMISED_HEAD,
  promisedRows,
  redisText,
  settingsText,
  strangersText,
  titleOf,
  verdictRows,
} from './format.js';
import { OPERATIONS_HEAD, operationsRows, operationsText } from './operations.js';
import { PEERS_HEAD, peersNotes, peersRows, peersText } from './peers.js';
import { promisesOf } from './promises.js';
import type { Comparison, ManyCustomers, OperationsReport, PeersReport, Report, Verdict } from './report.js';

const DOCUMENT = 'docs/benchmarks.md';

/** A part of the document that runs write, each over its last one: what a run has not measured, it leaves. */
interface Section {
  readonly begin: string;
  readonly end: string;
  /** undefined: nothing of it was measured. */
  text(report: Report): string | undefined;
}

const SECTIONS: readonly Section[] = [
  {
    begin: '<!-- loadtest: written by "npm run loadtest -- --write-docs" -->',
    end: '<!-- loadtest: end -->',
    text: markdownReport,
  },
  {
    begin: '<!-- loadtest customers: written by "npm run loadtest -- customers --write-docs" -->',
    end: '<!-- loadtest customers: end -->',
    text: (report) => (report.manyCustomers === null ? undefined : customersMarkdown(report, report.manyCustomers)),
  },
  {
    begin: '<!-- loadtest peers: written by "npm run loadtest -- peers --write-docs" -->',
    end: '<!-- loadtest peers: end -->',
    text: (report) => (report.peers === null ? undefined : peersMarkdown(report, report.peers)),
  },
  {
    begin: '<!-- loadtest operations: written by "npm run loadtest -- operations --write-docs" -->',
    end: '<!-- loadtest operations: end -->',
    text: (report) => (report.operations === null ? undefined : operationsMarkdown(report, report.operations)),
  },
];

/** The scenarios on one stack, and memory, in Markdown. */
function markdownReport(report: Report): string | undefined {
  const { comparisons, drawnDry, memory, verdict } = report;
  if (comparisons.length === 0 && drawnDry === null && memory === null) return undefined;
  const parts = [`${measuredText(report)} ${settingsText(report)}.`];
  const promises = promisesOf({ comparisons, memory, manyCustomers: null });
  if (promises.length > 0) parts.push(`### Promised\n\n${markdownTable(PROMISED_HEAD, promisedRows(promises))}`);
  parts.push(...comparisons.map(comparisonMarkdown));
  if (memory !== null) {
    parts.push(`### ${memoryTitle(memory)}\n\n${markdownTable(['', 'bytes each', 'target'], memoryRows(memory))}`);
  }
  if (drawnDry !== null) parts.push(`### exact\n\n${drawnDryText(drawnDry)}.`);
  if (verdict !== null) parts.push(verdictMarkdown('Exactness over the whole run', verdict));
  return parts.join('\n\n');
}

function customersMarkdown(report: Report, { many, few, comparison, verdict }: ManyCustomers): string {
  return [
    '## Very many customers',
    `${measuredText(report)} Two stacks, with ${many} customers and with ${few}, under the same arrivals in turns; customers are drawn evenly.`,
    comparisonMarkdown(comparison),
    verdictMarkdown('Exactness with very many customers', verdict),
  ].join('\n\n');
}

function operationsMarkdown(report: Report, operations: OperationsReport): string {
  return [
    '## Kinds of operations',
    `${measuredText(report)} ${operationsText(operations)}.`,
    markdownTable(OPERATIONS_HEAD, operationsRows(operations)),
  ].join('\n\n');
}

function peersMarkdown(report: Report, peers: PeersReport): string {
  const { exact } = peers.verdict;
  return [
    '## Other limiters',
    `${measuredText(report)} ${peersText(peers)}. Weir's books over this run: ${exact ? 'exact' : '**not exact**'}.`,
    markdownTable(PEERS_HEAD, peersRows(peers)),
    listOf(peersNotes(peers)),
  ].join('\n\n');
}

const measuredText = ({ startedAt, machine }: Report): string =>
  `Measured ${startedAt.slice(0, 10)} on ${machineText(machine)}.`;

function verdictMarkdown(title: string, verdict: Verdict): string {
  return `### ${title}: ${verdict.exact ? 'exact' : '**not exact**'}\n\n${markdownTable(['', ''], verdictRows(verdict))}`;
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
  return `### ${titleOf(comparison)}\n\n${markdownTable(head, comparisonRows(comparison))}\n\n${listOf(notes)}`;
}

const listOf = (notes: readonly string[]): string => notes.map((note) => `- ${note}`).join('\n');

/** A table of Markdown, figures to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** The document with what this run has measured; a section that it lacks comes at its end. @throws Error where one is broken. */
export function withReport(document: string, report: Report): string {
  return SECTIONS.reduce((text, { begin, end, text: textOf }) => {
    const section = textOf(report);
    return section === undefined ? text : withSection(text, begin, end, section);
  }, document);
}

function withSection(document: string, begin: string, end: string, text: string): string {
  const beginAt = document.indexOf(begin);
  const endAt = document.indexOf(end);
  if (beginAt < 0 && endAt < 0) return `${document.trimEnd()}\n\n${begin}\n\n${text}\n\n${end}\n`;
  if (beginAt < 0 || endAt < beginAt) throw new Error(`${DOCUMENT} must have the line ${begin} before the line ${end}`);
  return `${document.slice(0, beginAt + begin.length)}\n\n${text}\n\n${document.slice(endAt)}`;
}

/** Writes one section of a command of its own. @param name as in `npm run loadtest -- NAME`. @returns the document's path. */
export function writeSection(name: string, text: string): string {
  const begin = `<!-- loadtest ${name}: written by "npm run loadtest -- ${name} --write-docs" -->`;
  return rewrite((document) => withSection(document, begin, `<!-- loadtest ${name}: end -->`, text));
}

/** Writes the report into docs/benchmarks.md, which is made where it is missing. @returns its path. */
export function writeDocument(report: Report): string {
  return rewrite((document) => withReport(document, report));
}

function rewrite(change: (document: string) => string): string {
  const path = assetPath(DOCUMENT);
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '# Benchmarks\n';
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, change(before));
  return path;
}
