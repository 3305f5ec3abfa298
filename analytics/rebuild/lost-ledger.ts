import { z } from 'zod';
import { type ChargedLimit, type LostCatalog, OBJECT_TYPES } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { sumSchema } from '../reports/amounts.js';

const lostCatalog = loadQuery('lost-catalog');
const objectSchema = z.object({
  type: z.enum(OBJECT_TYPES),
  id: z.string(),
  lastOwner: z.string(),
  body: z.string().transform((text): unknown => JSON.parse(text)),
});
const ledgerExtent = loadQuery('ledger-extent');
const extentSchema = z.object({ version: z.number(), epochMs: z.number() });
const ledgerCounters = loadQuery('ledger-counters');
const counterSchema = z.object({
  ...{ customer: z.string(), feature: z.string(), limitId: z.string() },
  ...{ windowMs: z.coerce.number(), charged: sumSchema },
  /** What was included, and the peak under each. */
  peaks: z.tuple([z.array(z.coerce.number()), z.array(z.coerce.number())]),
  ...{ after: z.coerce.number(), atMs: z.coerce.number() },
});

/** A window start of a bucket (migrations/0001_usage_facts.sql). */
const WINDOW_OF_BUCKET = -2;

type Ledger = Pick<ClickHouse, 'query'>;

/** What the ledger has of a catalog that is gone; undefined where it has nothing at all: then there never was one. */
export async function readLostCatalog(clickhouse: Ledger): Promise<LostCatalog | undefined> {
  const { version, epochMs } = await readExtent(clickhouse);
  if (epochMs === 0) return undefined;
  const rows = await clickhouse.query(lostCatalog, {}, objectSchema);
  const objects = rows.map(({ type, id, lastOwner, body }) => ({ type, id, owner: lastOwner, body }));
  return { version, epochMs, objects };
}

/** The greatest catalog version and epoch in the ledger, 0 where it is empty. */
export async function readExtent(clickhouse: Ledger): Promise<z.output<typeof extentSchema>> {
  const [extent] = await clickhouse.query(ledgerExtent, {}, extentSchema);
  return extent ?? { version: 0, epochMs: 0 };
}

/** What was charged to some customers in windows that begin at `starts`, and to their buckets. */
export async function readCharges(
  clickhouse: Ledger,
  customers: readonly string[],
  starts: ReadonlySet<number>,
): Promise<ChargedLimit[]> {
  const parameters = { customers, starts: [WINDOW_OF_BUCKET, ...starts] };
  const rows = await clickhouse.query(ledgerCounters, parameters, counterSchema);
  return rows.map(({ windowMs, peaks: [included, peaks], ...row }) => ({
    ...row,
    windowMs: windowMs === WINDOW_OF_BUCKET ? null : windowMs,
    peaks: new Map(included.map((amount, index) => [amount, peaks[index] ?? 0])),
  }));
}
