import { z } from 'zod';
import { idSchema } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { loadQuery } from '../queries.js';
import { decodeCursor, encodeCursor } from './output.js';
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

/**
 * Customers by id, a page at a time, found by a part of id or name. Read from the audit trail in ClickHouse, which can
 * look through a million of them; the catalog in Redis could only be listed.
 */
export async function customerRows(
  clickhouse: Pick<ClickHouse, 'query'>,
  { text = '', plan = '', limit, cursor }: z.output<typeof customerListParameters>,
): Promise<CustomerList> {
  const [after] = decodeCursor(cursor, (place) => z.tuple([z.string()]).parse(place)) ?? [''];
  const read = await clickhouse.query(customerList, { text, plan, after, limit: limit + 1 }, rowSchema);
  const rows = read.slice(0, limit).map((row) => ({ ...row, name: row.name || row.customer }));
  const last = rows.at(-1);
  if (last === undefined || read.length <= limit) return { rows };
  return { rows, nextCursor: encodeCursor([last.customer]) };
}
