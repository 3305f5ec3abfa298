import { WeirError } from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { AUDIT_COLUMNS, auditParameters, auditRows } from '../reports/audit.js';
import { DENIALS_COLUMNS, denialRows, denialsParameters } from '../reports/denials.js';
import { type CurrentCatalog, NEAR_LIMITS_COLUMNS, nearLimits, nearLimitsParameters } from '../reports/near-limits.js';
import { decodeCursor, formatOf } from '../reports/output.js';
import { assertEntityHasCustomer, rangeOf, visibleCustomer } from '../reports/parameters.js';
import type { Columns } from '../reports/parquet.js';
import { streamReply } from '../reports/report-stream.js';
import { offsetCursor, parseFilter, parseGroups, usageOverTime, usageParameters } from '../reports/usage.js';
import { utilizationParameters, utilizationStream } from '../reports/utilization-answer.js';
import { answer } from './answer.js';
import { operatorOnly } from './operator.js';
import { rowsReply } from './rows-reply.js';

export interface ReportDependencies {
  readonly clickhouse: Pick<ClickHouse, 'query' | 'bytes'>;
  readonly catalog: CurrentCatalog;
  /** Milliseconds since 1970; replaced by tests. */
  readonly now?: () => number;
}

/** Days that lists look back when no `from` is given. */
const LIST_DAYS = 30;

/** Everything that is read from ClickHouse. A key bound to a customer sees that customer only. */
export function reportRoutes(dependencies: ReportDependencies): Route[] {
  const { clickhouse, catalog, now = Date.now } = dependencies;
  return [
    {
      method: 'GET',
      path: '/v1/usage',
      scope: 'read',
      summary: 'Usage of a meter over time.',
      query: usageParameters,
      handle: (context) =>
        answer(async () => {
          const {
            groupBy,
            filter,
            from,
            to,
            customer,
            entity,
            cursor,
            format: _,
            ...rest
          } = context.parseQuery(usageParameters);
          const meter = catalog.meter(rest.meter);
          if (meter === undefined) throw new WeirError('unknown_meter', JSON.stringify(rest.meter), { field: 'meter' });
          const groups = parseGroups(groupBy, meter);
          const visible = visibleCustomer(context, customer);
          assertEntityHasCustomer(entity, visible);
          const result = await usageOverTime(clickhouse, catalog, {
            ...rest,
            ...usageRange(from, to, now()),
            customer: visible,
            entity,
            groupBy: groups,
            filter: parseFilter(filter, meter),
            offset: decodeCursor(cursor, offsetCursor) ?? 0,
          });
          return rowsReply(context, clickhouse, 'usage', usageColumns(groups), result);
        }),
    },
    {
      method: 'GET',
      path: '/v1/reports/utilization',
      scope: 'read',
      summary: 'How much of what was included each customer used in a month, per feature.',
      query: utilizationParameters,
      handle: (context) =>
        answer(async () => {
          const { format: _, ...asked } = context.parseQuery(utilizationParameters);
          const customer = visibleCustomer(context, asked.customer);
          assertEntityHasCustomer(asked.entity, customer);
          const { period, plan, entity, limit, cursor } = asked;
          const request = { period, plan, entity, limit, cursor, customer };
          return streamReply(formatOf(context), utilizationStream(clickhouse, catalog, request));
        }),
    },
    {
      method: 'GET',
      path: '/v1/reports/near-limits',
      scope: 'read',
      summary: 'Customers that have used a given percentage of a quota in its current window, the worst first.',
      query: nearLimitsParameters,
      handle: (context) =>
        answer(async () => {
          const { customer, format: _, ...rest } = context.parseQuery(nearLimitsParameters);
          const request = {
            plan: undefined,
            feature: undefined,
            cursor: undefined,
            ...rest,
            customer: visibleCustomer(context, customer),
          };
          const result = await nearLimits(clickhouse, catalog, request, now());
          return rowsReply(context, clickhouse, 'near-limits', NEAR_LIMITS_COLUMNS, result);
        }),
    },
    {
      method: 'GET',
      path: '/v1/reports/denials',
      scope: 'read',
      summary: 'The denial ledger, newest first: which limits refused, by which numbers and catalog version.',
      query: denialsParameters,
      handle: (context) =>
        answer(async () => {
          const { customer, feature, reason, from, to, limit, cursor } = context.parseQuery(denialsParameters);
          const result = await denialRows(clickhouse, catalog, {
            ...rangeOf(from, to, LIST_DAYS, now()),
            customer: visibleCustomer(context, customer),
            feature: feature ?? '',
            reason: reason ?? '',
            limit,
            cursor,
          });
          return rowsReply(context, clickhouse, 'denials', DENIALS_COLUMNS, result);
        }),
    },
    operatorOnly({
      method: 'GET',
      path: '/v1/audit',
      scope: 'read',
      summary: 'Changes of the catalog, newest first: who, what, before and after.',
      query: auditParameters,
      handle: (context) =>
        answer(async () => {
          const { type, id, actor, from, to, limit, cursor } = context.parseQuery(auditParameters);
          const result = await auditRows(clickhouse, {
            ...rangeOf(from, to, LIST_DAYS, now()),
            type: type ?? '',
            id: id ?? '',
            actor: actor ?? '',
            limit,
            cursor,
          });
          return rowsReply(context, clickhouse, 'audit', AUDIT_COLUMNS, result);
        }),
    }),
  ];
}

const usageColumns = (groups: readonly string[]): Columns => ({
  start: 'instant',
  end: 'instant',
  meter: 'text',
  ...Object.fromEntries(groups.map((group) => [group, 'text' as const])),
  value: 'amount',
});

/** By default the last 30 days, from the beginning of a day (UTC). */
function usageRange(from: number | undefined, to: number | undefined, nowMs: number) {
  const range = rangeOf(from, to, LIST_DAYS, nowMs);
  if (to !== undefined && from !== undefined) return range;
  const day = (ms: number): number => ms - (ms % 86_400_000);
  return { fromMs: from ?? day(range.fromMs), toMs: to ?? day(range.toMs) };
}
