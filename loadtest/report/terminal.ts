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

/** The report as a terminal shows it. */
export function terminalReport(report: Report): string {
  const parts = [`${machineText(report.machine)}\n${settingsText(report)}`, ...report.comparisons.map(comparisonText)];
  if (report.drawnDry !== null) parts.push(`exact\n  ${drawnDryText(report.drawnDry)}`);
  const { verdict } = report;
  if (verdict !== null) {
    const lines = table(verdictRows(verdict));
    for (const { customer, admitted, facts } of verdict.differences) {
      lines.push(`${customer}: ${admitted} admitted, ${facts} in facts`);
    }
    for (const answer of verdict.oddAnswers) lines.push(`an answer that was no decision: ${answer}`);
    parts.push([`exactness: ${verdict.exact ? 'EXACT' : 'NOT EXACT'}`, ...lines.map((line) => `  ${line}`)].join('\n'));
  }
  return `\n${parts.join('\n\n')}\n`;
}

function comparisonText(comparison: Comparison): string {
  const { subject, ceiling } = comparison;
  const head = ['', subject.name, ceiling?.name ?? '', ceiling === null ? '' : `÷ ${ceiling.name}`];
  const lines = [
    ...table([head, ...comparisonRows(comparison)]),
    `CPU seconds per million: ${cpuText(subject)}`,
    ...(ceiling === null ? [] : [`                 ${ceiling.name}: ${cpuText(ceiling)}`]),
    `Redis: ${redisText(subject)}${ceiling?.name === 'script' ? `; script: ${redisText(ceiling)}` : ''}; ${drainText(subject)}`,
    generatorText(comparison),
    strangersText(comparison),
  ];
  return [titleOf(comparison), ...lines.map((line) => `  ${line}`)].join('\n');
}

/** Lines with their columns aligned. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}
