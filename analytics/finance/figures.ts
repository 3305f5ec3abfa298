import type { ClickHouse } from '../clickhouse.js';
import { type ReportCatalog, scaleOf } from '../reports/catalog.js';
import type { ZoneGroup } from '../reports/customer-pages.js';
import { monthPeriod, type Period, partitionFrom } from '../reports/periods.js';
import type { Figure } from './figure.js';
import { type DeniedRow, type LateRow, type OutsideRow, readLedger, type WindowRow } from './ledger.js';
import { FinanceLimits, lineWindowAt, spanOf } from './limits.js';

/** A line while it is put together. */
type Line = { -readonly [Name in keyof Figure]: Figure[Name] };

const NO_LIMIT = '';

/**
 * The lines of some customers for a month, from the ledger. A line is one window of one quota of a customer and feature
 * that has a part in the calendar month of the customer's zone; what is under no quota has a line of its own.
 *
 * A charge stands in the month in which it happened, whichever window it was charged to: a commit of what was held before
 * brings a window that is over back, with what it stood at as its opening. So the closing of a window is its counter, and
 * the closing of one month the opening of the next.
 *
 * @param asOfMs only what was booked by then; undefined for all that the ledger has.
 */
export async function figuresOf(
  clickhouse: Pick<ClickHouse, 'query'>,
  catalog: ReportCatalog,
  month: string,
  group: ZoneGroup,
  asOfMs: number | undefined,
): Promise<Figure[]> {
  const period = monthPeriod(month, group.timezone);
  const limits = new FinanceLimits(catalog, group, period.endMs - 1);
  const { stepMs, ...span } = spanOf(limits, group, period.startMs);
  const ledger = await readLedger(clickhouse, {
    ...span,
    stepMs,
    customers: group.ids,
    fromMs: period.startMs,
    toMs: period.endMs,
    fromMonth: partitionFrom(period.startMs),
    historyMonth: partitionFrom(span.historyMs),
    timezone: group.timezone,
    asOfMs,
  });
  const lines = new Lines(catalog, group, limits, period);
  for (const row of ledger.windows) lines.addWindow(row);
  for (const row of ledger.outside) lines.addOutside(row);
  for (const row of ledger.late) lines.addLate(row);
  for (const row of ledger.denied) lines.addDenied(row);
  return lines.all();
}

class Lines {
  readonly #lines = new Map<string, Line>();
  readonly #catalog: ReportCatalog;
  readonly #group: ZoneGroup;
  readonly #limits: FinanceLimits;
  readonly #period: Period;

  constructor(catalog: ReportCatalog, group: ZoneGroup, limits: FinanceLimits, period: Period) {
    this.#catalog = catalog;
    this.#group = group;
    this.#limits = limits;
    this.#period = period;
  }

  all(): Figure[] {
    return [...this.#lines.values()];
  }

  addWindow(row: WindowRow): void {
    const windowEndMs = this.#endOf(row);
    // A window that was over before, and of which nothing came in the period.
    if (row.facts === 0 && !this.#reachesIn(row, windowEndMs)) return;
    const line = this.#line({ ...row, limit: row.limitId, windowEndMs });
    Object.assign(line, {
      windows: row.windows,
      opening: row.before,
      included: row.included,
      addons: this.#addonsOf(row),
      used: row.charged,
      voided: row.voided,
      closing: row.before + row.charged - row.voided,
      overage: row.overage,
      ...peakOf(row),
    } satisfies Partial<Line>);
  }

  addOutside(row: OutsideRow): void {
    const line = this.#line({ ...row, limit: NO_LIMIT, windowMs: null, windowEndMs: null });
    line.used += row.charged;
    line.voided += row.voided;
    line.closing = line.used - line.voided;
    Object.assign(line, peakOf(row));
  }

  /** With every quota that it was too late for; with none, where the feature has no quota any more. */
  addLate(row: LateRow): void {
    const missed = [...this.#limits.of(row.customer, row.feature).values()].filter(
      ({ name }) => !row.limitIds.includes(name),
    );
    for (const limit of missed) {
      const { startMs, endMs } = lineWindowAt(limit, this.#group.timezone, row.atMs);
      const line = this.#line({ ...row, limit: limit.name, windowMs: startMs, windowEndMs: endMs });
      if (line.windows === 0) this.#open(line, BigInt(limit.included), BigInt(limit.addons));
      line.late += row.amount;
    }
    if (missed.length === 0 && row.limitIds.length === 0) {
      this.#line({ ...row, limit: NO_LIMIT, windowMs: null, windowEndMs: null }).late += row.amount;
    }
  }

  addDenied(row: DeniedRow): void {
    const limits = this.#limits.of(row.customer, row.feature);
    const by = row.deniedBy.flatMap((name) => limits.get(name) ?? []);
    const meter = row.meter === '' ? (this.#catalog.feature(row.feature)?.meter ?? '') : row.meter;
    for (const limit of by) {
      const { startMs, endMs } = lineWindowAt(limit, this.#group.timezone, row.atMs);
      const line = this.#line({ ...row, meter, limit: limit.name, windowMs: startMs, windowEndMs: endMs });
      const included = row.limitIncluded[row.limitIds.indexOf(limit.name)];
      if (line.windows === 0) this.#open(line, included ?? BigInt(limit.included), BigInt(limit.addons));
      deny(line, row);
    }
    if (by.length === 0) deny(this.#line({ ...row, meter, limit: NO_LIMIT, windowMs: null, windowEndMs: null }), row);
  }

  /** A window that nothing was charged to in the period. */
  #open(line: Line, included: bigint, addons: bigint): void {
    line.windows = 1;
    line.included = included;
    line.addons = addons;
  }

  #line(key: Pick<Line, 'customer' | 'feature' | 'meter' | 'limit' | 'windowMs' | 'windowEndMs'>): Line {
    const { customer, feature, meter, limit, windowMs, windowEndMs } = key;
    const place = JSON.stringify([customer, feature, limit === NO_LIMIT ? meter : '', limit, windowMs]);
    const known = this.#lines.get(place);
    if (known !== undefined) return known;
    const made: Line = {
      customer,
      plan: this.#group.customers.get(customer)?.plan ?? '',
      feature,
      meter,
      scale: scaleOf(this.#catalog, meter),
      limit,
      windowMs,
      windowEndMs,
      windows: 0,
      opening: 0n,
      included: null,
      addons: 0n,
      used: 0n,
      voided: 0n,
      late: 0n,
      overage: 0n,
      closing: 0n,
      peakDay: '',
      peakDayUsed: 0n,
      deniedCount: 0n,
      deniedAmount: 0n,
    };
    this.#lines.set(place, made);
    return made;
  }

  #reachesIn({ windowMs }: WindowRow, windowEndMs: number | null): boolean {
    const { startMs, endMs } = this.#period;
    const isLifetime = windowMs === 0;
    return windowMs < endMs && (windowEndMs === null ? isLifetime : windowEndMs > startMs);
  }

  /** By the calendar of the limit as it is now, where it has this window. */
  #endOf({ customer, feature, limitId, windowMs, isShort }: WindowRow): number | null {
    const limit = this.#limits.of(customer, feature).get(limitId);
    if (limit === undefined || limit.isShort !== isShort) return null;
    const bounds = lineWindowAt(limit, this.#group.timezone, windowMs);
    return bounds.startMs === windowMs ? bounds.endMs : null;
  }

  #addonsOf({ customer, feature, limitId, included }: WindowRow): bigint {
    const limit = this.#limits.of(customer, feature).get(limitId);
    return limit === undefined ? 0n : least(BigInt(limit.addons), included);
  }
}

/** A day on which more was taken back than was used is no peak. */
const peakOf = ({ peakDay, peakDayUsed }: Pick<OutsideRow, 'peakDay' | 'peakDayUsed'>) =>
  peakDayUsed > 0n ? { peakDay, peakDayUsed } : {};

const least = (left: bigint, right: bigint): bigint => (left < right ? left : right);

function deny(line: Line, { count, amount }: DeniedRow): void {
  line.deniedCount += count;
  line.deniedAmount += amount;
}
