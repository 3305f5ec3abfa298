import { groupDigits, json, plainText } from '../output.js';
import type { Tally } from './tally.js';

export interface SummaryInput {
  readonly file: string;
  readonly to: 'events' | 'check';
  readonly tally: Tally;
  readonly seconds: number;
  /** Customers that were made. */
  readonly created: number;
  readonly status: 'done' | 'interrupted' | 'failed';
}

/** What a replay did, for people or as JSON. */
export function summary(input: SummaryInput, asJson: boolean): string {
  return asJson ? json(summaryJson(input)) : summaryText(input);
}

const perSecond = ({ tally, seconds }: SummaryInput): number => Math.round(tally.rows / Math.max(seconds, 0.001));

function summaryJson(input: SummaryInput): Record<string, unknown> {
  const { tally, seconds, created, file, status } = input;
  return {
    file,
    status,
    rows: tally.rows,
    accepted: tally.accepted,
    duplicates: tally.duplicates,
    /** Of the duplicates: those that may be this run's own, sent again after an answer that was lost or said so. */
    duplicatesResent: tally.resent,
    rejected: Object.fromEntries(tally.rejected),
    ...(input.to === 'check' ? { denied: Object.fromEntries(tally.denied) } : {}),
    customers: tally.customers,
    customersCreated: created,
    from: tally.span?.first ?? null,
    to: tally.span?.last ?? null,
    totals: tally.totals(),
    seconds: Math.round(seconds * 1_000) / 1_000,
    rowsPerSecond: perSecond(input),
  };
}

function summaryText(input: SummaryInput): string {
  const { tally, seconds, created, file, to, status } = input;
  const noun = to === 'events' ? 'events' : 'checks';
  const counts: [string, string][] = [
    ['rows', String(tally.rows)],
    ['accepted', String(tally.accepted)],
    ['duplicates', String(tally.duplicates)],
    ['rejected', String(tally.rejections)],
    ...[...tally.rejected].map(([code, count]): [string, string] => [`  ${code}`, String(count)]),
    ...(to === 'check' ? [['denied', String(sum(tally.denied.values()))] as [string, string]] : []),
    ...[...tally.denied].map(([reason, count]): [string, string] => [`  ${reason}`, String(count)]),
    ['customers', String(tally.customers)],
    ...(created > 0 ? [['  created', String(created)] as [string, string]] : []),
  ];
  const totals = Object.entries(tally.totals()).map(([name, value]): [string, string] => [
    plainText(name),
    String(value),
  ]);
  const { span } = tally;
  const how =
    status === 'done'
      ? 'Replayed'
      : status === 'interrupted'
        ? 'Interrupted: replayed a part of'
        : 'Stopped: replayed a part of';
  return [
    `${how} ${plainText(file)} in ${seconds.toFixed(1)} s, ${groupDigits(String(perSecond(input)))} ${noun}/s\n\n`,
    ...aligned(counts),
    ...(tally.resent === 0
      ? []
      : [
          `\nUp to ${groupDigits(String(tally.resent))} of the duplicates are of this run: they were sent again, and charged once\n`,
        ]),
    ...(span === undefined ? [] : [`\nFrom ${span.first} to ${span.last}\n`]),
    ...(totals.length === 0 ? [] : ['\nTotals of what is charged, duplicates included\n', ...aligned(totals)]),
  ].join('');
}

const sum = (counts: Iterable<number>): number => [...counts].reduce((total, count) => total + count, 0);

function aligned(pairs: readonly (readonly [string, string])[]): string[] {
  const shown = pairs.map(([name, number]) => [name, groupDigits(number)] as const);
  const left = Math.max(...shown.map(([name]) => name.length));
  const right = Math.max(...shown.map(([, number]) => number.length));
  return shown.map(([name, number]) => `  ${name.padEnd(left)}  ${number.padStart(right)}\n`);
}
