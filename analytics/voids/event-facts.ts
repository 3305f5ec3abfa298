import { z } from 'zod';
import {
  AFTER_NOTHING,
  type Charge,
  type ChargedFact,
  type Correction,
  EVENT_PARTS_MAX,
  VOID_CHARGE,
  VOID_CHARGES_MAX,
  type VoidRequest,
  WeirError,
  WINDOW_OF_BUCKET,
} from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';

const eventFacts = loadQuery('event-facts');
const windowIncluded = loadQuery('window-included');

/** Each charge has a correction at most. */
const ROWS_MAX = 2 * EVENT_PARTS_MAX * VOID_CHARGES_MAX;

const whole = z.coerce.number();
const rowSchema = z.object({
  epoch: z.string(),
  shard: z.string(),
  outboxMs: z.string(),
  outboxSeq: whole,
  chargedAtMs: whole,
  happenedAtMs: whole,
  isVoid: whole,
  entity: z.string(),
  feature: z.string(),
  meter: z.string(),
  absolute: whole,
  isMetered: whole,
  late: z.boolean(),
  dimensions: z.record(z.string(), z.string()),
  limitIds: z.array(z.string()),
  limitWindowStarts: z.array(whole),
  limitAfter: z.array(whole),
  limitIncluded: z.array(whole),
});
type Row = z.output<typeof rowSchema>;

const includedSchema = z.object({
  feature: z.string(),
  limitId: z.string(),
  windowStartMs: whole,
  lastIncluded: whole,
});

/** A charge of an event, with its correction where it has one. */
export interface LedgerCharge {
  readonly charge: Charge;
  readonly chargedAtMs: number;
  readonly correction: Correction | undefined;
}

/**
 * All charges of an event, oldest first; none for an event that is not in the ledger.
 * @throws WeirError too_many_items for one that was charged more than VOID_CHARGES_MAX times.
 */
export async function readCharges(
  clickhouse: Pick<ClickHouse, 'query'>,
  event: Omit<VoidRequest, 'reason'>,
): Promise<LedgerCharge[]> {
  const { customer, source, id } = event;
  const rows = await clickhouse.query(eventFacts, { customer, source, id, limit: ROWS_MAX + 1 }, rowSchema);
  if (rows.length > ROWS_MAX) {
    throw new WeirError('too_many_items', `the event was charged more than ${VOID_CHARGES_MAX} times`);
  }
  const corrections = groupBy(
    rows.filter(({ isVoid }) => isVoid === 1),
    ({ dimensions }) => dimensions[VOID_CHARGE] ?? '',
  );
  const charges = groupBy(
    rows.filter(({ isVoid }) => isVoid === 0),
    placeOf,
  );
  return [...charges].flatMap(([place, [first, ...more]]): LedgerCharge[] => {
    if (first === undefined) return [];
    const { entity, happenedAtMs, chargedAtMs, dimensions } = first;
    const facts = [first, ...more].map(chargedFact);
    const charge = { customer, source, id, place, happenedAtMs, dimensions, facts };
    return [
      {
        charge: entity === '' ? charge : { ...charge, entity },
        chargedAtMs,
        correction: correctionOf(corrections.get(place)),
      },
    ];
  });
}

const placeOf = ({ epoch, shard, outboxMs, outboxSeq }: Row): string => `${epoch}:${shard}:${outboxMs}-${outboxSeq}`;

function groupBy(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [row]);
    else known.push(row);
  }
  return groups;
}

const windowOf = (startMs: number | undefined): number | null =>
  startMs === undefined || startMs === WINDOW_OF_BUCKET ? null : startMs;

function chargedFact(row: Row): ChargedFact {
  const { feature, meter, absolute, isMetered, late, limitIds, limitWindowStarts, limitIncluded } = row;
  const limits = limitIds.map((id, index) => ({
    id,
    windowStartMs: windowOf(limitWindowStarts[index]),
    included: limitIncluded[index] ?? 0,
  }));
  return { feature, meter, amount: absolute, isMetered: isMetered === 1, late, limits };
}

/** As the engine answered it: so that a void is answered the same when its id has long been forgotten. */
function correctionOf(rows: readonly Row[] | undefined): Correction | undefined {
  const [first] = rows ?? [];
  if (rows === undefined || first === undefined) return undefined;
  return {
    replayed: true,
    voidedAtMs: first.chargedAtMs,
    dimensions: first.dimensions,
    facts: rows.map(({ feature, meter, absolute, limitIds, limitWindowStarts, limitAfter }) => ({
      feature,
      meter,
      amount: absolute,
      limits: limitIds.map((id, index) => {
        const windowStartMs = windowOf(limitWindowStarts[index]);
        const after = limitAfter[index] ?? AFTER_NOTHING;
        // A bucket in debt may stand at -1, and is named only where it was given something back.
        return { id, windowStartMs, after: windowStartMs !== null && after === AFTER_NOTHING ? null : after };
      }),
    })),
  };
}

/** The charge with what is included as the last charge of each window has it: so that reports of windows long over keep it. */
export async function withLastIncluded(clickhouse: Pick<ClickHouse, 'query'>, charge: Charge): Promise<Charge> {
  const { customer, facts } = charge;
  const windows = facts.flatMap(({ limits }) =>
    limits.flatMap(({ windowStartMs }) => (windowStartMs === null ? [] : [windowStartMs])),
  );
  if (windows.length === 0) return charge;
  const parameters = { customer, features: facts.map(({ feature }) => feature), windows, fromMs: Math.min(...windows) };
  const rows = await clickhouse.query(windowIncluded, parameters, includedSchema);
  const known = new Map(
    rows.map((row) => [windowKey(row.feature, row.limitId, row.windowStartMs), row.lastIncluded] as const),
  );
  return {
    ...charge,
    facts: facts.map((fact) => ({
      ...fact,
      limits: fact.limits.map((limit) => ({
        ...limit,
        included: known.get(windowKey(fact.feature, limit.id, limit.windowStartMs)) ?? limit.included,
      })),
    })),
  };
}

const windowKey = (feature: string, limit: string, windowStartMs: number | null): string =>
  JSON.stringify([feature, limit, windowStartMs]);
