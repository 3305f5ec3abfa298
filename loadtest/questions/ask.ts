import { spreadOf } from '../report/spread.js';
import type { Question } from './questions.js';

/** How long a question took, ms. */
export interface Asked {
  readonly name: string;
  readonly isExport: boolean;
  readonly rows: number;
  /** The first time, with nothing of the tables in ClickHouse's caches. */
  readonly coldMs: number;
  /** Median of the times after it. */
  readonly warmMs: number;
  /** Of those times, the median until the first row was there. */
  readonly firstRowMs: number;
  /** CPU of all threads of this process for one of those times: what is left of a figure when others have the cores too. */
  readonly cpuMs: number;
}

/** Asks a question once and then `times` times more. @throws Error for an answer that is none. */
export async function ask(
  origin: string,
  key: string,
  question: Question,
  times: number,
  forget: () => Promise<void>,
): Promise<Asked> {
  await forget();
  const { ms: coldMs, rows } = await askOnce(origin, key, question.path);
  const warm: Answer[] = [];
  const before = process.cpuUsage();
  for (let time = 0; time < times; time++) warm.push(await askOnce(origin, key, question.path));
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1_000 / times;
  const warmMs = spreadOf(warm.map(({ ms }) => ms)).median;
  const firstRowMs = spreadOf(warm.map((answer) => answer.firstRowMs)).median;
  return { name: question.name, isExport: question.isExport ?? false, rows, coldMs, warmMs, firstRowMs, cpuMs };
}

interface Answer {
  readonly ms: number;
  readonly firstRowMs: number;
  readonly rows: number;
}

/** A row that is whole: of JSON, or of CSV after its head. */
const FIRST_ROW = /\}[,\]]|\r\n[^\r]+\r\n/;

async function askOnce(origin: string, key: string, path: string): Promise<Answer> {
  const began = performance.now();
  const response = await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${key}` } });
  let text = '';
  let firstRowMs: number | undefined;
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (firstRowMs === undefined && FIRST_ROW.test(text)) firstRowMs = performance.now() - began;
  }
  const ms = performance.now() - began;
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 500)}`);
  return { ms, firstRowMs: firstRowMs ?? ms, rows: rowsOf(response.headers.get('content-type') ?? '', text) };
}

function rowsOf(type: string, text: string): number {
  if (type.startsWith('text/csv')) return text.split('\r\n').length - 2;
  const body: unknown = JSON.parse(text);
  return typeof body === 'object' && body !== null && 'rows' in body && Array.isArray(body.rows) ? body.rows.length : 0;
}
