import { readAsset } from '../engine/platform/assets.js';

/** Text of `analytics/queries/NAME.sql`: one question each, its parameters as `{name:Type}`. */
export function loadQuery(name: string): string {
  return readAsset(`analytics/queries/${name}.sql`);
}

/** The place in a query for what narrows it to facts that were booked by an instant. */
const AS_OF = '-- as of';

/**
 * The question as of an instant, `asOfMs`: only what Redis had charged (or denied) by then. Such a question reads facts,
 * no roll-up, hence two texts.
 * @param column when a row was booked.
 */
export function asOf(sql: string, column: 'charged_at' | 'denied_at'): string {
  if (!sql.includes(AS_OF)) throw new Error('the query has no place for "as of"');
  return sql.replaceAll(AS_OF, `AND ${column} <= fromUnixTimestamp64Milli({asOfMs:Int64}, 'UTC')`);
}

/** The question from the roll-up by days: for what begins and ends at midnight UTC. */
export const byUtcDay = (sql: string): string => sql.replaceAll('toStartOfFifteenMinutes(', 'toStartOfDay(');
