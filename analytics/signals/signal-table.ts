import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse.js';
import { instant } from '../forecast/forecast-table.js';
import { loadQuery } from '../queries.js';
import type { Finding } from './finding.js';

/** Signals as ClickHouse keeps them: found by the rules, and given a state by people. */

const closeSignals = loadQuery('close-signals');
const DAY_MS = 86_400_000;

const knownSchema = z.object({
  id: z.string(),
  kind: z.string(),
  rule: z.string(),
  customer: z.string(),
  plan: z.string(),
  feature: z.string(),
  limit_id: z.string(),
  score: z.number(),
  reason: z.string(),
  numbers: z.string(),
  firstSeenMs: z.coerce.number(),
  lastSeenMs: z.coerce.number(),
  present: z.boolean(),
});
type Known = z.output<typeof knownSchema>;

/** A finding and whose it is. */
export interface CustomerFinding extends Finding {
  readonly customer: string;
  readonly plan: string;
}

/** The same for the same thing found again. */
export function signalId({ rule, customer, feature, limit }: CustomerFinding): string {
  return createHash('sha256')
    .update(JSON.stringify([rule, customer, feature, limit]))
    .digest('hex')
    .slice(0, 20);
}

/**
 * Stores what was found of some customers. What is there again within `returnDays` keeps when it was first seen; what is
 * no longer found is closed.
 */
export async function storeFindings(
  clickhouse: Pick<ClickHouse, 'query' | 'insertRows'>,
  customers: readonly string[],
  findings: readonly CustomerFinding[],
  returnDays: number,
  nowMs: number,
): Promise<void> {
  const known = await clickhouse.query(
    `SELECT id, kind, rule, customer, plan, feature, limit_id, score, reason, numbers,
      toUnixTimestamp64Milli(first_seen) AS firstSeenMs, toUnixTimestamp64Milli(last_seen) AS lastSeenMs, present
    FROM signals FINAL WHERE customer IN {customers:Array(String)}`,
    { customers },
    knownSchema,
  );
  const knownById = new Map(known.map((row) => [row.id, row]));
  const rows = new Map(findings.map((finding) => [signalId(finding), finding]));
  const found = [...rows].map(([id, finding]) => foundRow(id, finding, knownById.get(id), returnDays, nowMs));
  const gone = known.filter(({ id, present }) => present && !rows.has(id)).map((row) => goneRow(row, nowMs));
  await clickhouse.insertRows('signals', [...found, ...gone]);
}

function foundRow(id: string, finding: CustomerFinding, known: Known | undefined, returnDays: number, nowMs: number) {
  const returns = known !== undefined && (known.present || nowMs - known.lastSeenMs <= returnDays * DAY_MS);
  const { kind, rule, customer, plan, feature, limit, score, reason } = finding;
  return {
    ...{ id, kind, rule, customer, plan, feature, limit_id: limit, score, reason },
    numbers: JSON.stringify(finding.numbers),
    first_seen: instant(returns ? known.firstSeenMs : nowMs),
    last_seen: instant(nowMs),
    present: true,
    updated_at: instant(nowMs),
  };
}

const goneRow = ({ firstSeenMs, lastSeenMs, ...row }: Known, nowMs: number): Record<string, unknown> => ({
  ...row,
  first_seen: instant(firstSeenMs),
  last_seen: instant(lastSeenMs),
  present: false,
  updated_at: instant(nowMs),
});

/** Closes what a run over all customers, begun at `nowMs`, did not come to. */
export async function closeOthers(clickhouse: Pick<ClickHouse, 'command'>, nowMs: number): Promise<void> {
  await clickhouse.command(closeSignals, { nowMs });
}

export interface StateChange {
  readonly id: string;
  readonly state: 'open' | 'snoozed' | 'done';
  readonly untilMs: number | null;
  /** Id of the key that said it. */
  readonly actor: string;
}

export async function storeState(
  clickhouse: Pick<ClickHouse, 'insertRows'>,
  { id, state, untilMs, actor }: StateChange,
  nowMs: number,
): Promise<void> {
  const until = untilMs === null ? null : instant(untilMs);
  await clickhouse.insertRows('signal_states', [{ id, state, until, actor, changed_at: instant(nowMs) }]);
}
