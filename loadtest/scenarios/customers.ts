import type { ManyCustomers } from '../report/report.js';
import { compare, type Extents, openDrive } from './scenarios.js';
import type { Session } from './session.js';

const CONNECTIONS = 64;

/**
 * CPU of a check on a stack with very many customers beside one with few, at the same rate on the same number of
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
  // The changes of so large a catalog are on their way to ClickHouse for a while.
  await many.settle();
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
