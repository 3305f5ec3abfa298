import { markdownTable } from '../report/document.js';
import { figure, machineText } from '../report/format.js';
import type { Machine } from '../report/report.js';
import type { Asked } from './ask.js';

/** A question is answered in less than this, ms. */
const TARGET_MS = 1_000;

/** What the tables hold. */
export interface Held {
  readonly facts: number;
  readonly denials: number;
  readonly customers: number;
  readonly bytesOnDisk: number;
  readonly parts: number;
  /** Rows of each roll-up of facts. */
  readonly rollUps: readonly { readonly name: string; readonly rows: number; readonly bytes: number }[];
  /** Null where the tables were there before. */
  readonly fillSeconds: number | null;
}

export interface QuestionsReport {
  readonly startedAt: string;
  readonly machine: Machine;
  /** Load of the last minute when the asking began: beside 0 other programs had the cores too. */
  readonly loadAtStart: number;
  readonly times: number;
  readonly held: Held;
  readonly asked: readonly Asked[];
}

const GB = 1e9;
export const HEAD = ['', 'rows', 'first time, ms', 'after, ms', 'first row, ms', 'CPU, ms', `< ${TARGET_MS} ms`];

export const rowsOf = (asked: readonly Asked[]): string[][] =>
  asked.map(({ name, rows, coldMs, warmMs, firstRowMs, cpuMs, isExport }) => [
    name,
    figure(rows),
    figure(Math.round(coldMs)),
    figure(Math.round(warmMs)),
    figure(Math.round(firstRowMs)),
    figure(Math.round(cpuMs)),
    isExport ? 'export' : warmMs < TARGET_MS ? (coldMs < TARGET_MS ? 'yes' : 'after the first time') : '**no**',
  ]);

export function heldText({ facts, denials, customers, bytesOnDisk, parts, rollUps, fillSeconds }: Held): string {
  const filled = fillSeconds === null ? '' : ` filled in ${figure(Math.round(fillSeconds))} s,`;
  const roll = rollUps
    .map(({ name, rows, bytes }) => `${name} ${figure(rows)} rows, ${figure(bytes / GB)} GB`)
    .join('; ');
  return (
    `${figure(facts)} facts and ${figure(denials)} denials of ${figure(customers)} customers over 92 days,${filled} ` +
    `${figure(bytesOnDisk / GB)} GB on disk in ${parts} parts (of it the roll-ups: ${roll})`
  );
}

export function questionsMarkdown(report: QuestionsReport): string {
  const { startedAt, machine, held, asked, times, loadAtStart } = report;
  return [
    '## Questions of a large ledger',
    `Measured ${startedAt.slice(0, 10)} on ${machineText(machine)}. ${heldText(held)}. Asked by HTTP of the control plane with the embedded ` +
      `ClickHouse; the first time after ClickHouse dropped its caches (the system's own stay), then the median of ${times} until all was there and until the first row was, and the CPU of each by all threads. ` +
      'Exports, whole reports of all customers, are streamed and have no target. ' +
      `Load of the machine before the first question: ${figure(loadAtStart)}.`,
    markdownTable(HEAD, rowsOf(asked)),
  ].join('\n\n');
}
