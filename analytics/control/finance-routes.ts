import type { Route } from '../../ingest/http/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { readClosings } from '../finance/closings.js';
import { financeParameters, financeReport } from '../finance/report.js';
import type { ReportCatalog } from '../reports/catalog.js';
import { formatOf } from '../reports/output.js';
import { visibleCustomer } from '../reports/parameters.js';
import { toInstant } from '../reports/periods.js';
import { streamReply } from '../reports/report-stream.js';
import { answer } from './answer.js';
import { operatorOnly } from './operator.js';

export interface FinanceDependencies {
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  readonly catalog: ReportCatalog;
  /** Milliseconds since 1970; replaced by tests. */
  readonly now?: () => number;
}

/** The finance report, and which months are closed. */
export function financeRoutes({ clickhouse, catalog, now = Date.now }: FinanceDependencies): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/reports/finance',
      scope: 'read',
      summary: 'What each window of each quota stood at in a month: opening, used, voided, late, closing, overage.',
      query: financeParameters,
      handle: (context) =>
        answer(async () => {
          const { period, customer, plan, asOf } = context.parseQuery(financeParameters);
          const request = { period, plan, customer: visibleCustomer(context, customer), asOfMs: asOf };
          return streamReply(formatOf(context), await financeReport(clickhouse, catalog, request, now()));
        }),
    },
    operatorOnly({
      method: 'GET',
      path: '/v1/reports/finance/closings',
      scope: 'read',
      summary: 'Months that are closed: their finance report does not change any more.',
      handle: () =>
        answer(async () => {
          const rows = await readClosings(clickhouse, undefined);
          return {
            status: 200,
            json: {
              rows: rows.map(({ period, closedAtMs, lines }) => ({ period, closedAt: toInstant(closedAtMs), lines })),
            },
          };
        }),
    }),
  ];
}
