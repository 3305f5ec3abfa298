import { z } from 'zod';
import { customerUsageSchema } from '../../ingest/client/answers.js';
import type { Stack } from '../harness/services.js';
import type { Answers } from './answers.js';
import { CANARY, CUSTOMERS, FEATURES, LIMIT } from './catalog.js';
import type { LedgerBooks } from './ledger.js';
import { read, type Wire } from './wire.js';

/** What Redis counts: used by customer and feature, and what is still reserved. */
export interface Counters {
  readonly used: ReadonlyMap<string, number>;
  readonly reserved: number;
}

/** How the three books differ; all are 0 where nothing was lost and nothing doubled. */
export interface Verdict {
  /** Charged by an answer, without a fact. */
  readonly lost: number;
  /** Facts beyond the first one of what was charged once, and rows there twice. */
  readonly doubled: number;
  /** Facts of what nobody was told. */
  readonly unheard: number;
  /** Facts of another amount than the answer's. */
  readonly wrongAmounts: number;
  readonly overAdmitted: number;
  /** Customers and features whose counter is not the sum of the facts, or of the answers. */
  readonly countersOff: number;
  /** Holds that nobody has any more. */
  readonly stillReserved: number;
  readonly examples: readonly string[];
}

const EXAMPLES_MAX = 12;
const counterKey = (customer: string, feature: string): string => `${customer} ${feature}`;

export async function readCounters(stack: Stack, wire: Wire): Promise<Counters> {
  const used = new Map<string, number>();
  let reserved = 0;
  for (const customer of [...CUSTOMERS, CANARY]) {
    const answered = await wire.untilAnswered({
      method: 'GET',
      url: `${stack.dataPlane}/v1/customers/${customer}/usage`,
    });
    if (answered === undefined) throw new Error(`the counters of ${customer} cannot be read`);
    const { features } = read(customerUsageSchema, answered.reply);
    for (const feature of FEATURES) {
      const state = features[feature]?.limits[LIMIT];
      if (state?.kind !== 'quota') throw new Error(`${customer} has no quota on ${feature}`);
      used.set(counterKey(customer, feature), Number(state.used));
      reserved += Number(state.reserved);
    }
  }
  return { used, reserved };
}

/** Closes the books: what clients hold, what Redis counts, what ClickHouse has, to the unit. */
export function closeBooks(answers: Answers, counters: Counters, ledger: LedgerBooks): Verdict {
  const examples: string[] = [];
  const counts = { lost: 0, doubled: ledger.doubledRows, unheard: 0, wrongAmounts: 0 };
  const note = (kind: keyof typeof counts, by: number, example: string): void => {
    counts[kind] += by;
    if (examples.length < EXAMPLES_MAX) examples.push(`${kind}: ${example}`);
  };
  for (const [key, amount] of answers.charges) {
    const fact = ledger.charges.get(key);
    if (fact === undefined) note('lost', 1, key);
    else if (fact.facts > 1) note('doubled', fact.facts - 1, `${key}, ${fact.facts} facts`);
    else if (fact.amount !== amount) note('wrongAmounts', 1, `${key}: ${amount} answered, ${fact.amount} in the facts`);
  }
  for (const [key, { amount }] of ledger.charges) {
    if (!answers.charges.has(key)) note('unheard', 1, `${key}, ${amount}`);
  }
  const told = sums([...answers.charges]);
  const booked = sums([...ledger.charges].map(([key, { amount }]) => [key, amount]));
  let countersOff = 0;
  for (const [key, used] of counters.used) {
    const [inAnswers, inFacts] = [told.get(key) ?? 0, booked.get(key) ?? 0];
    if (used === inAnswers && used === inFacts) continue;
    countersOff += 1;
    examples.push(`counter: ${key}: ${inAnswers} answered, ${used} counted, ${inFacts} in the facts`);
  }
  return {
    ...counts,
    overAdmitted: answers.overAdmitted + ledger.overAdmitted,
    countersOff,
    stillReserved: counters.reserved,
    examples,
  };
}

/** By customer and feature. */
function sums(charges: readonly (readonly [string, number])[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const [charge, amount] of charges) {
    const [, customer = '', feature = ''] = charge.split(' ');
    const key = counterKey(customer, feature);
    found.set(key, (found.get(key) ?? 0) + amount);
  }
  return found;
}

/** Reports have the last word on the cores, and a busy machine is no fault. */
const REPORT_MS_MAX = 30_000;

const usageSchema = z.object({ rows: z.array(z.object({ value: z.coerce.number() })) });

/** The sum of a meter's facts of a customer, by the control plane's report; undefined when there is no answer. */
export async function reportedUsage(
  stack: Stack,
  wire: Wire,
  meter: string,
  customer: string,
): Promise<number | undefined> {
  const query = new URLSearchParams({ meter, customer, granularity: 'month' });
  const url = `${stack.console}/v1/usage?${query}`;
  const reply = await wire.once({ method: 'GET', url, timeoutMs: REPORT_MS_MAX });
  if (reply?.status !== 200) return undefined;
  return read(usageSchema, reply).rows.reduce((sum, { value }) => sum + value, 0);
}
