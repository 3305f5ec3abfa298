import { Counter, Gauge, type Registry } from 'prom-client';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import type { ReportCatalog } from '../reports/catalog.js';
import { monthPeriod } from '../reports/periods.js';
import { closeNextMonth } from './close.js';

/** Between two looks whether a month's time has come. */
const EVERY_MS = 10 * 60_000;

export interface ClosingDependencies {
  readonly clickhouse: Pick<ClickHouse, 'query' | 'command' | 'insertRows'>;
  readonly catalog: ReportCatalog;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** After a month's end; 0: no month is closed. */
  readonly closeDays: number;
  /** Milliseconds since 1970; replaced by tests. */
  readonly now?: () => number;
}

export interface RunningClosing {
  stop(): Promise<void>;
}

/** Closes months in the background, at the start and from then on, oldest first. */
export function startClosing(dependencies: ClosingDependencies): RunningClosing {
  const { clickhouse, catalog, registry, log, closeDays, now = Date.now } = dependencies;
  const failures = new Counter({
    name: 'weir_finance_closing_failures_total',
    help: 'Months that could not be closed, and were left for the next turn.',
    registers: [registry],
  });
  const closedUntil = new Gauge({
    name: 'weir_finance_closed_until_seconds',
    help: 'End of the last month that was closed by this process, in seconds since 1970.',
    registers: [registry],
  });
  let stopping = false;
  let turning: Promise<void> | undefined;
  const turn = async (): Promise<void> => {
    try {
      while (!stopping) {
        const closed = await closeNextMonth(clickhouse, catalog, closeDays, now());
        if (closed === undefined) return;
        closedUntil.set(monthPeriod(closed.period).endMs / 1_000);
        log.info({ period: closed.period, lines: closed.lines }, 'closed a month');
      }
    } catch (error) {
      failures.inc();
      log.warn({ error }, 'a month could not be closed: again at the next turn');
    }
  };
  const begin = (): void => {
    turning ??= turn().finally(() => {
      turning = undefined;
    });
  };
  const timer = closeDays === 0 ? undefined : setInterval(begin, EVERY_MS);
  if (closeDays > 0) begin();
  return {
    async stop() {
      stopping = true;
      clearInterval(timer);
      await turning;
    },
  };
}
