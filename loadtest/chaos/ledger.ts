import { createClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import { z } from 'zod';
import { type ChargeClass, chargeKey } from './answers.js';
import { CANARY, CUSTOMERS, TIGHT } from './catalog.js';

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

const factSchema = z.object({
  class: z.enum(['charge', 'commit', 'void']),
  feature: z.string(),
  id: z.string(),
  facts: z.coerce.number(),
  amount: z.coerce.number(),
});
const countsSchema = z.object({ rows: z.coerce.number(), identities: z.coerce.number(), over: z.coerce.number() });

/** What ClickHouse has, read from its folder after its process has ended. */
export interface LedgerBooks {
  readonly rows: number;
  /** Rows beyond the first one of an identity (epoch, shard, outbox id, index). */
  readonly doubledRows: number;
  /** Checks admitted past the cap of their limit, by what the facts themselves say. */
  readonly overAdmitted: number;
  /** By `chargeKey`: how many facts, and their sum. */
  readonly charges: ReadonlyMap<string, { readonly facts: number; readonly amount: number }>;
}

/** @param home the WEIR_HOME of a stack that is stopped. */
export async function readLedger(home: string): Promise<LedgerBooks> {
  // The two packages declare the same interface, each with a private copy of a class of it.
  const connection = createChdbConnection({ path: `${home}/clickhouse` }) as unknown as ClientConnection;
  const client = createClient({ connection });
  const rowsOf = async <T>(query: string, parameters: Record<string, unknown>, schema: z.ZodType<T>): Promise<T[]> => {
    const result = await client.query({ query, query_params: parameters, format: 'JSONEachRow' });
    return z.array(schema).parse(await result.json());
  };
  try {
    const [counts] = await rowsOf(
      `SELECT count() AS rows, uniqExact(epoch, shard, outbox_ms, outbox_seq, idx) AS identities,
         countIf(kind = 'check' AND feature = {tight:String} AND limit_after[1] > limit_included[1]) AS over
       FROM usage_facts`,
      { tight: TIGHT },
      countsSchema,
    );
    if (counts === undefined) throw new Error('a count has a row');
    const charges = new Map<string, { facts: number; amount: number }>();
    // One customer after the other: a run's facts need not be in memory twice.
    for (const customer of [...CUSTOMERS, CANARY]) {
      const facts = await rowsOf(
        `SELECT if(kind IN ('commit', 'void'), toString(kind), 'charge') AS class, feature, id,
           count() AS facts, sum(amount) AS amount
         FROM usage_facts WHERE customer = {customer:String} GROUP BY class, feature, id`,
        { customer },
        factSchema,
      );
      for (const fact of facts) {
        const kind: ChargeClass = fact.class;
        charges.set(chargeKey(kind, customer, fact.feature, fact.id), { facts: fact.facts, amount: fact.amount });
      }
    }
    const { rows, identities, over } = counts;
    return { rows, doubledRows: rows - identities, overAdmitted: over, charges };
  } finally {
    await client.close();
  }
}
