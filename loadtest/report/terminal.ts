import { ALERTS_HEAD, alertsRows, alertsText } from './alerts.js';
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
import type { Comparison, Report, Verdict } from './report.js';

/** The report as a terminal shows it. */
export function terminalReport(report: Report): string {
  const { alerts, comparisons, drawnDry, manyCustomers, memory, operations, peers, promises, verdict } = report;
  const parts = [machineText(report.machine)];
  if (comparisons.length > 0) parts.push(settingsText(report), ...comparisons.map(comparisonText));
  if (manyCustomers !== null) {
    const { many, few, comparison } = manyCustomers;
    parts.push(`${many} customers beside ${few}: ${comparisonText(comparison)}`);
    parts.push(verdictText(`exactness with ${many} customers`, manyCustomers.verdict));
  }
  if (memory !== null) parts.push(block(memoryTitle(memory), terminalTable(memoryRows(memory))));
  if (operations !== null) {
    const table = terminalTable([OPERATIONS_HEAD, ...operationsRows(operations)]);
    parts.push(block('operations', [operationsText(operations), ...table]));
  }
  if (alerts !== null)
    parts.push(block('alerts', [alertsText(alerts), ...terminalTable([ALERTS_HEAD, ...alertsRows(alerts)])]));
  if (drawnDry !== null) parts.push(block('exact', [drawnDryText(drawnDry)]));
  if (peers !== null) {
    parts.push(
      block('peers', [peersText(peers), ...terminalTable([PEERS_HEAD, ...peersRows(peers)]), ...peersNotes(peers)]),
    );
    parts.push(verdictText('exactness beside peers', peers.verdict));
  }
  if (verdict !== null) parts.push(verdictText('exactness', verdict));
  if (promises.length > 0) parts.push(block('promised', terminalTable([PROMISED_HEAD, ...promisedRows(promises)])));
  return `\n${parts.join('\n\n')}\n`;
}

const block = (title: string, lines: readonly string[]): string =>
  [title, ...lines.map((line) => `  ${line}`)].join('\n');

function verdictText(title: string, verdict: Verdict): string {
  const lines = terminalTable(verdictRows(verdict));
  for (const { customer, admitted, facts } of verdict.differences) {
    lines.push(`${customer}: ${admitted} admitted, ${facts} in facts`);
  }
  for (const answer of verdict.oddAnswers) lines.push(`an answer that was no decision: ${answer}`);
  return block(`${title}: ${verdict.exact ? 'EXACT' : 'NOT EXACT'}`, lines);
}

function comparisonText(comparison: Comparison): string {
  const { subject, ceiling } = comparison;
  const head = ['', subject.name, ceiling?.name ?? '', ceiling === null ? '' : `÷ ${ceiling.name}`];
  const besideRedis =
    ceiling === null || ceiling.redisCallsPerDecision === 0 ? '' : `; ${ceiling.name}: ${redisText(ceiling)}`;
  return block(titleOf(comparison), [
    ...terminalTable([head, ...comparisonRows(comparison)]),
    `CPU seconds per million: ${cpuText(subject)}`,
    ...(ceiling === null ? [] : [`                 ${ceiling.name}: ${cpuText(ceiling)}`]),
    `Redis: ${redisText(subject)}${besideRedis}; ${drainText(subject)}`,
    generatorText(comparison),
    strangersText(comparison),
  ]);
}

/** Lines with their columns aligned. */
export function terminalTable(rows: readonly (readonly string[])[]): string[] {
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
