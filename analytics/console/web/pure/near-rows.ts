import type { NearLimit } from '../api/reports.js';

export const SORT_COLUMNS = ['customer', 'plan', 'limit', 'used', 'included', 'percent', 'left'] as const;
export type SortColumn = (typeof SORT_COLUMNS)[number];

export interface Sorting {
  readonly column: SortColumn;
  readonly descending: boolean;
}

export const WORST_FIRST: Sorting = { column: 'percent', descending: true };

/** Numbers are looked at from the top, names and deadlines from the start. */
const DESCENDING_FIRST: ReadonlySet<SortColumn> = new Set(['used', 'included', 'percent']);

/** What a click on a column's heading asks for. */
export function nextSorting(now: Sorting, column: SortColumn): Sorting {
  if (now.column === column) return { column, descending: !now.descending };
  return { column, descending: DESCENDING_FIRST.has(column) };
}

/** One place in the table, whatever its numbers become. */
export const rowKey = (row: NearLimit): string => JSON.stringify([row.customer, row.feature, row.limit]);

const text = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

const COMPARE: Readonly<Record<SortColumn, (left: NearLimit, right: NearLimit) => number>> = {
  customer: (left, right) => text.compare(left.customer, right.customer),
  plan: (left, right) => text.compare(left.plan, right.plan),
  limit: (left, right) => text.compare(left.feature, right.feature) || text.compare(left.limit, right.limit),
  used: (left, right) => Number(left.used) - Number(right.used),
  included: (left, right) => Number(left.included) - Number(right.included),
  percent: (left, right) => left.percent - right.percent,
  // What never resets comes after everything that does.
  left: (left, right) => (left.windowEndMs ?? Number.MAX_VALUE) - (right.windowEndMs ?? Number.MAX_VALUE),
};

/** A sorted copy. Equal rows stand worst first, then by name, so that a refresh never shuffles them. */
export function sortRows(rows: readonly NearLimit[], { column, descending }: Sorting): NearLimit[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort(
    (left, right) =>
      sign * COMPARE[column](left, right) ||
      right.percent - left.percent ||
      COMPARE.customer(left, right) ||
      COMPARE.limit(left, right),
  );
}

/** Rows whose customer or plan has every word of the query in it. */
export function filterRows(rows: readonly NearLimit[], query: string): readonly NearLimit[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const customer = row.customer.toLowerCase();
    const plan = row.plan.toLowerCase();
    return words.every((word) => customer.includes(word) || plan.includes(word));
  });
}

/** How many customers the rows belong to. */
export const customerCount = (rows: readonly NearLimit[]): number => new Set(rows.map((row) => row.customer)).size;
