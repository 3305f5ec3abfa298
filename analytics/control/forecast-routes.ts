import type { Route } from '../../ingest/http/index.js';
import { FORECASTS_COLUMNS, flatForecast, forecastRows, forecastsParameters } from '../reports/forecasts.js';
import { formatOf } from '../reports/output.js';
import { visibleCustomer } from '../reports/parameters.js';
import { answer } from './answer.js';
import type { ReportDependencies } from './report-routes.js';
import { rowsReply } from './rows-reply.js';

/** What quotas are expected to come to. A key bound to a customer sees that customer only. */
export function forecastRoutes({ clickhouse, catalog, now = Date.now }: ReportDependencies): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/forecasts',
      scope: 'read',
      summary: 'Expected use of each quota at the end of its window, and when it is reached, with an 80 % interval.',
      query: forecastsParameters,
      handle: (context) =>
        answer(async () => {
          const { customer, limit, cursor } = context.parseQuery(forecastsParameters);
          const request = { customer: visibleCustomer(context, customer), limit, cursor };
          const { rows, ...rest } = await forecastRows(clickhouse, catalog, request, now());
          const shown = formatOf(context) === 'json' ? rows : rows.map(flatForecast);
          return rowsReply(context, clickhouse, 'forecasts', FORECASTS_COLUMNS, { rows: [...shown], ...rest });
        }),
    },
  ];
}
