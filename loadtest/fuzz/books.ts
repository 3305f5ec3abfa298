import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Stack } from '../harness/services.js';
import { CALLS, EXACT_CUSTOMERS, LOOSE_CUSTOMERS, METERS } from './catalog.js';
import type { Ledger } from './ledger.js';

const LAG_MS_MAX = 60_000;
const POLL_MS = 500;
/** All of time, as far as an event may say it: `/v1/usage` takes 1 200 months at once. */
const RANGE = { from: '1970-01-01T00:00:00Z', to: '2070-01-01T00:00:00Z', granularity: 'month' };

const amount = z.union([z.number(), z.string()]);
const counterSchema = z.object({
  features: z.record(z.string(), z.object({ limits: z.object({ total: z.object({ used: amount }) }) })),
});
const usageSchema = z.object({ rows: z.array(z.object({ customer: z.string(), value: amount.nullable() })) });

/** Calls and units of one customer in both books; amounts in thousandths, where units have a scale. */
interface Books {
  readonly customer: string;
  readonly counters: Readonly<Record<string, bigint>>;
  readonly facts: Readonly<Record<string, bigint>>;
}

/** Compares what was told, what Redis counts, and what ClickHouse has, until they agree or a minute is over. @returns what differs */
export async function compareBooks(stack: Stack, ledger: Ledger): Promise<string[]> {
  const startedMs = performance.now();
  for (;;) {
    const differences = (await readBooks(stack)).flatMap((books) => differencesOf(books, ledger));
    if (differences.length === 0 || performance.now() - startedMs > LAG_MS_MAX) return differences;
    await delay(POLL_MS);
  }
}

function differencesOf({ customer, counters, facts }: Books, ledger: Ledger): string[] {
  const differences = METERS.filter((meter) => counters[meter] !== facts[meter]).map(
    (meter) => `${customer}, ${meter}: ${counters[meter]} counted, ${facts[meter]} in the facts`,
  );
  const told = milli(ledger.callsOf(customer));
  const counted = counters[CALLS] ?? 0n;
  const exact = EXACT_CUSTOMERS.includes(customer);
  if (exact ? told !== counted : told > counted)
    differences.push(`${customer}: ${told} answered as charged, ${counted} counted`);
  return differences;
}

async function readBooks(stack: Stack): Promise<Books[]> {
  const facts = new Map<string, bigint>();
  for (const meter of METERS) await addFacts(stack, meter, facts);
  const books: Books[] = [];
  for (const customer of [...EXACT_CUSTOMERS, ...LOOSE_CUSTOMERS]) {
    const { features } = counterSchema.parse(await get(stack, `${stack.dataPlane}/v1/customers/${customer}/usage`));
    const each = (read: (meter: string) => bigint) => Object.fromEntries(METERS.map((meter) => [meter, read(meter)]));
    books.push({
      customer,
      counters: each((meter) => milli(features[meter]?.limits.total.used ?? 0)),
      facts: each((meter) => facts.get(`${meter} ${customer}`) ?? 0n),
    });
  }
  return books;
}

async function addFacts(stack: Stack, meter: string, facts: Map<string, bigint>): Promise<void> {
  const query = new URLSearchParams({ ...RANGE, meter, groupBy: 'customer', limit: '100000' });
  const { rows } = usageSchema.parse(await get(stack, `${stack.console}/v1/usage?${query}`));
  for (const { customer, value } of rows) {
    const key = `${meter} ${customer}`;
    facts.set(key, (facts.get(key) ?? 0n) + milli(value ?? 0));
  }
}

async function get(stack: Stack, url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${stack.adminKey}`, connection: 'close' } });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`GET ${url} answered ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

/** An amount in thousandths, exactly. */
function milli(value: number | string): bigint {
  const [whole = '0', fraction = ''] = String(value).split('.');
  return BigInt(`${whole}${fraction.padEnd(3, '0')}`);
}
