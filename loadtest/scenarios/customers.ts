import { setTimeout as delay } from 'node:timers/promises';
import type { ManyCustomers } from '../report/report.js';
import { batchCount } from './requests.js';
import { compare, type Extents, openDrive, PLANS } from './scenarios.js';
import type { Session } from './session.js';

const CONNECTIONS = 64;
/** So large a catalog is on its way to ClickHouse for a while, and every customer is looked at once for alerts. */
const REST_MS_MAX = 300_000;
/** The first forecasts of all begin only when the catalog is folded: before, the stack seems to be at rest. */
const FIRST_WORK_MS = 60_000;
/** Asked for by one job of batches. */
const SLICE_CUSTOMERS = 100_000;

/**
 * CPU of a check on a stack with very many customers beside one with few, at the same rate on the same number of
 * connections: half of the greatest rate of the one with few. Once the stack is at rest, and each of its customers has
 * been asked for, as the few have been; then they are drawn evenly.
 *
 * @param few under the books of whoever asks
 * @param lagMsMax from the last answer until all facts of the stack with many must be there
 */
export async function measureCustomers(
  few: Session,
  many: Session,
  extents: Extents,
  lagMsMax: number,
): Promise<ManyCustomers> {
  await delay(FIRST_WORK_MS);
  extents.progress('waiting until the stack with many customers is at rest');
  if ((await many.settle(REST_MS_MAX)) === null) extents.progress('it is not: the figures pay for it');
  await askForAll(many, extents);
  const drive = await openDrive(few, CONNECTIONS, extents);
  const comparison = await compare(
    {
      scenario: 'customers',
      drive,
      target: { of: 'servingCpu', bound: 'most', now: 1.15, soon: null },
      subject: many.weirSide(drive, 'many'),
      ceiling: few.weirSide(drive, 'few'),
    },
    extents,
  );
  extents.progress('waiting for the facts of many customers');
  return {
    many: many.target.catalog.customers.length,
    few: few.target.catalog.customers.length,
    comparison,
    verdict: await many.ledger.judge(many.target, lagMsMax),
  };
}

/** One check of each customer. */
async function askForAll(session: Session, { progress }: Extents): Promise<void> {
  const { customers } = session.target.catalog;
  const startedMs = performance.now();
  for (let from = 0; from < customers.length; from += SLICE_CUSTOMERS) {
    const slice = customers.slice(from, from + SLICE_CUSTOMERS);
    const requests = batchCount(slice.length);
    await session.load({ workload: 'batch', connections: PLANS.batch.connections, customers: slice }, { requests });
  }
  const perSecond = Math.round((1_000 * customers.length) / (performance.now() - startedMs));
  progress(`each of ${customers.length} customers was asked for, ${perSecond} a second`);
  await session.settle(REST_MS_MAX);
}
