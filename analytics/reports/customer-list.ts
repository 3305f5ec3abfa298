import { z } from 'zod';
import { type CatalogRegistry, idSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { decodeCursor, pageOf } from './output.js';
import { cursorParameter, limitParameter } from './parameters.js';

const customerList = loadQuery('customer-list');

const ROWS_DEFAULT = 50;
const ROWS_MAX = 1_000;

export const customerListParameters = z.strictObject({
  /** Part of an id or a name, in any case. */
  text: z.string().max(256).optional(),
  plan: idSchema.optional(),
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
  cursor: cursorParameter,
});

const rowSchema = z.object({ customer: z.string(), name: z.string(), plan: z.string(), status: z.string() });
export const customerListSchema = z.object({ rows: z.array(rowSchema), nextCursor: z.string().optional() });
type CustomerList = z.output<typeof customerListSchema>;

const bodySchema = z.object({ id: z.string(), name: z.string().optional(), plan: z.string(), status: z.string() });

export interface CustomerListSources {
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  readonly registry: Pick<CatalogRegistry, 'listObjects'>;
}

/**
 * Customers by id, a page at a time. All of them are listed by the catalog in Redis, which has them in order; those with
 * a text, or of a plan, are found in the audit trail in ClickHouse, which can look through a million of them.
 */
export async function customerRows(
  { clickhouse, registry }: CustomerListSources,
  { text = '', plan = '', limit, cursor }: z.output<typeof customerListParameters>,
): Promise<CustomerList> {
  if (text === '' && plan === '') {
    const page = await registry.listObjects('customer', cursor === undefined ? { limit } : { limit, cursor });
    const rows = page.objects.map(({ body }) => {
      const { id, name, ...rest } = bodySchema.parse(body);
      return { customer: id, name: name ?? id, ...rest };
    });
    return page.cursor === null ? { rows } : { rows, nextCursor: page.cursor };
  }
  const [after] = decodeCursor(cursor, (place) => z.tuple([z.string()]).parse(place)) ?? [''];
  const read = await clickhouse.query(customerList, { text, plan, after, limit: limit + 1 }, rowSchema);
  const { shown, next } = pageOf(read, limit, (last) => [last.customer]);
  return { rows: shown.map((row) => ({ ...row, name: row.name || row.customer })), ...next };
}
