import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Difference, Verdict } from '../report/report.js';
import { LOAD_METER } from './catalog.js';
import type { LoadResult } from './job.js';
import type { Target } from './target.js';

const DAY_MS = 86_400_000;
const POLL_MS = 250;
const DIFFERENCES_MAX = 10;
const ODD_ANSWERS_MAX = 10;
/** Of one answer. */
const USAGE_ROWS_MAX = 100_000;

const usageSchema = z.object({
  rows: z.array(z.object({ customer: z.string(), value: z.coerce.number() })),
  nextCursor: z.string().optional(),
});

/** What all clients of a run were told, to be held against the facts. */
export class Ledger {
  readonly #admitted = new Map<string, number>();
  readonly #denied = new Map<string, number>();
  readonly #oddAnswers: string[] = [];
  #charged = 0;
  #refused = 0;
  #unknownAmount = 0;

  add(result: Pick<LoadResult, 'admitted' | 'charged' | 'denied' | 'refused' | 'unknownAmount' | 'oddAnswers'>): void {
    for (const [customer, amount] of Object.entries(result.admitted)) addTo(this.#admitted, customer, amount);
    for (const [reason, count] of Object.entries(result.denied)) addTo(this.#denied, reason, count);
    this.#charged += result.charged;
    this.#refused += result.refused;
    this.#unknownAmount += result.unknownAmount;
    this.#oddAnswers.push(...result.oddAnswers.slice(0, ODD_ANSWERS_MAX - this.#oddAnswers.length));
  }

  admittedTo(customer: string): number {
    return this.#admitted.get(customer) ?? 0;
  }

  /**
   * Waits until ClickHouse has the facts of all that was admitted, at most `msMax`, and judges. Where clients were not
   * told the fate of some amount, that much more may be in the facts.
   */
  async judge(target: Target, msMax: number): Promise<Verdict> {
    const startedMs = performance.now();
    for (;;) {
      const facts = await factsByCustomer(target);
      const differences = this.#differences(facts);
      const elapsedMs = performance.now() - startedMs;
      if (differences.length === 0) return this.#verdict(target, facts, differences, elapsedMs);
      if (elapsedMs > msMax) return this.#verdict(target, facts, differences, null);
      await delay(POLL_MS);
    }
  }

  #differences(facts: ReadonlyMap<string, number>): Difference[] {
    const customers = new Set([...this.#admitted.keys(), ...facts.keys()]);
    return [...customers]
      .map((customer) => ({ customer, admitted: this.admittedTo(customer), facts: facts.get(customer) ?? 0 }))
      .filter((each) => each.facts < each.admitted || each.facts > each.admitted + this.#unknownAmount);
  }

  #verdict(
    { catalog }: Target,
    facts: ReadonlyMap<string, number>,
    differences: readonly Difference[],
    lagMs: number | null,
  ): Verdict {
    const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
    // Only one customer has a quota that a run reaches.
    const drawn = Math.max(this.admittedTo(catalog.dry), facts.get(catalog.dry) ?? 0);
    const overAdmitted = Math.max(0, drawn - catalog.dryQuota);
    return {
      admitted: sum(this.#admitted.values()),
      charged: this.#charged,
      denied: Object.fromEntries(this.#denied),
      refused: this.#refused,
      unknownAmount: this.#unknownAmount,
      oddAnswers: this.#oddAnswers,
      overAdmitted,
      factsAmount: sum(facts.values()),
      customers: this.#admitted.size,
      differences: differences.slice(0, DIFFERENCES_MAX),
      differencesCount: differences.length,
      lagMs,
      exact: overAdmitted === 0 && differences.length === 0,
    };
  }
}

function addTo(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

/** Amount of facts in ClickHouse by customer, as the usage report tells it. */
async function factsByCustomer({ stack }: Target): Promise<Map<string, number>> {
  const query = new URLSearchParams({
    meter: LOAD_METER,
    from: dayStart(Date.now() - DAY_MS),
    to: dayStart(Date.now() + 2 * DAY_MS),
    granularity: 'day',
    groupBy: 'customer',
    limit: String(USAGE_ROWS_MAX),
  });
  const facts = new Map<string, number>();
  for (let cursor: string | undefined; ; ) {
    if (cursor !== undefined) query.set('cursor', cursor);
    const response = await fetch(`${stack.console}/v1/usage?${query}`, {
      headers: { authorization: `Bearer ${stack.adminKey}` },
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`GET /v1/usage answered ${response.status}: ${text.slice(0, 300)}`);
    const { rows, nextCursor } = usageSchema.parse(JSON.parse(text));
    for (const { customer, value } of rows) addTo(facts, customer, value);
    if (nextCursor === undefined) return facts;
    cursor = nextCursor;
  }
}

const dayStart = (ms: number): string => new Date(Math.floor(ms / DAY_MS) * DAY_MS).toISOString();
