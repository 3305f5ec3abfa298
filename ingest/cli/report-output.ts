import type { ControlClient, Query, Report } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { EXIT_OK, type OptionSpec, UsageError } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { cellText, json, rowsTable } from './output.js';

/** What the commands share that print a report. */

export const FORMAT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  json: { type: 'flag', help: 'print JSON' },
  csv: { type: 'flag', help: 'print CSV, as it comes' },
};
export const CUSTOMER_OPTION: Readonly<Record<string, OptionSpec>> = {
  customer: { type: 'text', value: 'ID', help: 'this customer only' },
};
export const LIMIT_OPTION: Readonly<Record<string, OptionSpec>> = {
  limit: { type: 'text', value: 'N', help: 'rows at most' },
};

export type Format = 'table' | 'json' | 'csv';

/** @throws UsageError when both are asked for. */
export function formatOf(args: Arguments): Format {
  if (args.flag('json') && args.flag('csv')) throw new UsageError('--json and --csv exclude each other');
  return args.flag('csv') ? 'csv' : args.flag('json') ? 'json' : 'table';
}

export interface ReportSource {
  /** For CSV, which is passed on as it comes. */
  readonly path: string;
  readonly query: Query;
  read(control: ControlClient): Promise<Report>;
  /** Said instead of an empty table. */
  readonly empty: string;
}

/** Reads a report and prints it. @returns the exit code. */
export async function printReport(io: Io, format: Format, source: ReportSource): Promise<number> {
  const { control } = connect(io.env);
  if (format === 'csv') {
    const body = await control.csv(source.path, source.query, io.signal);
    if (body !== null) for await (const chunk of body) await io.outBytes(chunk);
    return EXIT_OK;
  }
  const report = await source.read(control);
  io.out(format === 'json' ? json(report) : reportText(report, source.empty));
  if (report.nextCursor !== undefined && format === 'table') {
    io.err('There are more rows: ask for more by --limit, or for everything by --csv.\n');
  }
  return EXIT_OK;
}

function reportText({ rows, totals }: Report, empty: string): string {
  if (rows.length === 0) return `${empty}\n`;
  const table = rowsTable(columnsOf(rows), rows);
  return totals === undefined ? table : `${table}\nTotals\n${totalsText(totals)}`;
}

/** Columns in the order in which the rows bring them; what is nested is for JSON. */
function columnsOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  const columns = new Set<string>();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) columns.add(name);
    }
  }
  return [...columns];
}

/** Sums as lines; lists of sums, such as those by feature, as tables below. */
function totalsText(totals: Readonly<Record<string, unknown>>): string {
  const plain = Object.entries(totals).filter(([, value]) => typeof value !== 'object' || value === null);
  const width = Math.max(0, ...plain.map(([name]) => name.length));
  const lines = plain.map(([name, value]) => `  ${name.padEnd(width)}  ${cellText(value)}\n`);
  const tables = Object.values(totals).flatMap((value) => {
    const rows = Array.isArray(value) ? value.filter(isRecord) : [];
    return rows.length === 0 ? [] : [`\n${rowsTable(columnsOf(rows), rows)}`];
  });
  return [...lines, ...tables].join('');
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
