import { z } from 'zod';
import { instantSchema, WeirError } from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { SIGNALS_COLUMNS, signalOf, signalRows, signalsParameters } from '../reports/signals.js';
import { storeState } from '../signals/signal-table.js';
import { answer } from './answer.js';
import { actorOf, operatorOnly } from './operator.js';
import { rowsReply } from './rows-reply.js';

export interface SignalDependencies {
  readonly clickhouse: Pick<ClickHouse, 'query' | 'bytes' | 'insertRows'>;
  /** Milliseconds since 1970; replaced by tests. */
  readonly now?: () => number;
}

const changeSchema = z
  .strictObject({
    state: z.enum(['open', 'snoozed', 'done']),
    /** Until when it is snoozed; for nothing else. */
    until: instantSchema.optional(),
  })
  .refine(({ state, until }) => (state === 'snoozed') === (until !== undefined), {
    error: 'a snoozed signal has an "until", and no other has',
    path: ['until'],
  });

/** Upsell and churn signals, for operators. */
export function signalRoutes({ clickhouse, now = Date.now }: SignalDependencies): Route[] {
  const routes: Route[] = [
    {
      method: 'GET',
      path: '/v1/signals',
      scope: 'read',
      summary: 'Customers that want more, and customers that are leaving, with score and reason, the highest first.',
      query: signalsParameters,
      handle: (context) =>
        answer(async () => {
          const { kind = '', state = '', customer = '', limit, cursor } = context.parseQuery(signalsParameters);
          const result = await signalRows(clickhouse, { kind, state, customer, limit, cursor }, now());
          return rowsReply(context, clickhouse, 'signals', SIGNALS_COLUMNS, result);
        }),
    },
    {
      method: 'PATCH',
      path: '/v1/signals/:id',
      scope: 'admin',
      summary: 'Says that a signal is open, snoozed until a time, or done; who said it is kept.',
      request: changeSchema,
      handle: (context) =>
        answer(async () => {
          const { id = '' } = context.params;
          const { state, until } = await context.json(changeSchema);
          const actor = actorOf(context);
          const nowMs = now();
          const untilMs = until === undefined ? null : Date.parse(until);
          if (untilMs !== null && untilMs <= nowMs) {
            throw new WeirError('invalid_request', 'until must be ahead', { field: 'until' });
          }
          const unknown = (): WeirError => new WeirError('not_found', `no signal ${JSON.stringify(id)}`);
          if ((await signalOf(clickhouse, id, nowMs)) === undefined) throw unknown();
          await storeState(clickhouse, { id, state, untilMs, actor }, nowMs);
          const changed = await signalOf(clickhouse, id, nowMs);
          if (changed === undefined) throw unknown();
          return { status: 200, json: changed };
        }),
    },
  ];
  return routes.map(operatorOnly);
}
