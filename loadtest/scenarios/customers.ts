import { setTimeout as delay } from 'node:timers/promises';
import type { ManyCustomers } from '../report/report.js';
import { compare, type Extents, openDrive } from './scenarios.js';
import type { Session } from './session.js';

const CONNECTIONS = 64;
/** So large a catalog is on its way to ClickHouse for a while, and every customer is looked at once for alerts. */
const REST_MS_MAX = 300_000;
/** The first forecasts of all begin only when the catalog is folded: before, the stack seems to be at rest. */
const FIRST_WORK_MS = 60_000;

/**
 * CPU of a check on a stack with very many customers, once it is at rest, beside one with few, at the same rate on the same number of
 * connections: half of the greatest rate of the one with few. Customers are drawn evenly, so that of more than a
 * gateway's cache holds most are not in it.
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
