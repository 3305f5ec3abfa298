import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { tryMonth } from '../trial.js';

/**
 * The forecast on months that it does not know, beside a straight line: `node dist/analytics/forecast/trial/main.js
 * FILE [--write-docs]`, the file with lines `customer,time,amount`, one for each hour with use. Every calendar month
 * after the first eight weeks is held out, and asked for as of days 7, 14 and 21.
 */

const HOUR_MS = 3_600_000;
const WARM_UP_HOURS = 8 * 7 * 24;
const AS_OF_DAYS = [7, 14, 21];
/** Of a month; with less, one unit more or less is most of the error. */
const MONTH_USE_MIN = 100;
const DOCUMENT = 'docs/forecast.md';
const [BEGIN, END] = ['<!-- trial -->', '<!-- /trial -->'];

interface Score {
  trials: number;
  readonly method: number[];
  readonly straight: number[];
  held: number;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { 'write-docs': { type: 'boolean', default: false } },
});
const [file] = positionals;
if (file === undefined) throw new Error('name a file with lines of customer,time,amount');
const table = tableOf(await readSeries(file));
process.stdout.write(`${table}\n`);
if (values['write-docs']) {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`${DOCUMENT} has no place for the table`);
  writeFileSync(DOCUMENT, `${text.slice(0, before + BEGIN.length)}\n${table}\n${text.slice(after)}`);
}

/** Use by hour of each customer, from the first hour of the file on. */
async function readSeries(path: string): Promise<{ startMs: number; series: Map<string, number[]>; hours: number }> {
  const points: { customer: string; hour: number; amount: number }[] = [];
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const [customer = '', time = '', amount = ''] = line.split(',');
    if (time === 'time' || line === '') continue;
    const hour = Math.floor(Date.parse(time) / HOUR_MS);
    if (Number.isNaN(hour) || !(Number(amount) >= 0)) throw new Error(`cannot read ${JSON.stringify(line)}`);
    points.push({ customer, hour, amount: Number(amount) });
    [first, last] = [Math.min(first, hour), Math.max(last, hour)];
  }
  const hours = last - first + 1;
  const series = new Map<string, number[]>();
  for (const { customer, hour, amount } of points) {
    const hourly = series.get(customer) ?? new Array<number>(hours).fill(0);
    hourly[hour - first] = (hourly[hour - first] ?? 0) + amount;
    series.set(customer, hourly);
  }
  return { startMs: first * HOUR_MS, series, hours };
}

function tableOf({ startMs, series, hours }: Awaited<ReturnType<typeof readSeries>>): string {
  const scores = new Map<number, Score>();
  for (const asOf of AS_OF_DAYS) scores.set(asOf, { trials: 0, method: [], straight: [], held: 0 });
  for (const hourly of series.values()) {
    for (const [start, length] of monthsOf(startMs, hours)) {
      for (const [asOf, score] of scores) tally(score, tryMonth(hourly, start, length, asOf * 24));
    }
  }
  const lines = [...scores].map(([asOf, score]) => {
    const { trials, held } = score;
    const cells = [asOf, trials, ...[score.method, score.straight].flatMap((errors) => [mean(errors), median(errors)])];
    return `| ${cells.map((cell, index) => (index < 2 ? cell : percent(cell))).join(' | ')} | ${percent(held / trials)} |`;
  });
  return [
    '| as of day | months held out | error, mean | error, median | straight line, mean | straight line, median | in the interval |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

function tally(score: Score, { actual, expected, low, high, straight }: ReturnType<typeof tryMonth>): void {
  if (actual < MONTH_USE_MIN) return;
  score.trials += 1;
  score.method.push(Math.abs(expected - actual) / actual);
  score.straight.push(Math.abs(straight - actual) / actual);
  if (low <= actual && actual <= high) score.held += 1;
}

/** First hour and length of the whole months that have a history before them. */
function monthsOf(startMs: number, hours: number): [number, number][] {
  const months: [number, number][] = [];
  const first = new Date(startMs);
  for (let month = first.getUTCMonth() + 1; ; month++) {
    const [beginMs, endMs] = [Date.UTC(first.getUTCFullYear(), month), Date.UTC(first.getUTCFullYear(), month + 1)];
    const [start, length] = [(beginMs - startMs) / HOUR_MS, (endMs - beginMs) / HOUR_MS];
    // The last hours of a file without use are no part of it.
    if (start + length > hours + 24) return months;
    if (start >= WARM_UP_HOURS) months.push([start, length]);
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
