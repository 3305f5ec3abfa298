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
  const warm: number[] = [];
  for (let time = 0; time < times; time++) warm.push((await askOnce(origin, key, question.path)).ms);
  warm.sort((left, right) => left - right);
  const warmMs = warm[Math.floor(warm.length / 2)] ?? coldMs;
  return { name: question.name, isExport: question.isExport ?? false, rows, coldMs, warmMs };
}

async function askOnce(origin: string, key: string, path: string): Promise<{ ms: number; rows: number }> {
  const began = performance.now();
  const response = await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${key}` } });
  const text = await response.text();
  const ms = performance.now() - began;
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 500)}`);
  return { ms, rows: rowsOf(response.headers.get('content-type') ?? '', text) };
}

function rowsOf(type: string, text: string): number {
  if (type.startsWith('text/csv')) return text.split('\r\n').length - 2;
  const body: unknown = JSON.parse(text);
  return typeof body === 'object' && body !== null && 'rows' in body && Array.isArray(body.rows) ? body.rows.length : 0;
}
