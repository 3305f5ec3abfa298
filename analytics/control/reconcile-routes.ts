import { z } from 'zod';
import { WeirError } from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import type { Reconciliation } from '../reconcile/start.js';
import { cursorParameter, customerParameter, limitParameter } from '../reports/parameters.js';
import { answer } from './answer.js';
import { operatorOnly } from './operator.js';

/** Customers of one answer: it takes about as long as a fact needs to reach the ledger. */
const CUSTOMERS_DEFAULT = 200;
const CUSTOMERS_MAX = 1_000;

const reconcileParameters = z.strictObject({
  customer: customerParameter,
  /** Customers compared, not rows. */
  limit: limitParameter(CUSTOMERS_DEFAULT, CUSTOMERS_MAX),
  cursor: cursorParameter,
});

/** Counters against the ledger. @param current undefined until NATS is reached: nobody knows how far the ledger is. */
export function reconcileRoutes(current: () => Reconciliation | undefined): Route[] {
  const running = (): Reconciliation => {
    const reconciliation = current();
    if (reconciliation === undefined) throw new WeirError('ledger_behind', 'NATS is not reached, or NATS_URL not set');
    return reconciliation;
  };
  const routes: Route[] = [
    {
      method: 'GET',
      path: '/v1/reconcile',
      scope: 'admin',
      summary: 'Compares the counters of a page of customers with the ledger, now; a row for each that differs.',
      query: reconcileParameters,
      handle: (context) =>
        answer(async () => {
          const { customer, limit, cursor } = context.parseQuery(reconcileParameters);
          const { reconciler, listCustomers, countCustomers } = running();
          const page = customer === undefined ? await listCustomers(limit, cursor) : { ids: [customer], cursor: null };
          const { drift, ...counts } = await reconciler.compare(page.ids);
          const customersTotal = customer === undefined ? await countCustomers() : 1;
          const next = page.cursor === null ? {} : { nextCursor: page.cursor };
          return { status: 200, json: { rows: drift, ...counts, customersTotal, ...next } };
        }),
    },
    {
      method: 'GET',
      path: '/v1/reports/drift',
      scope: 'read',
      summary: 'What the background comparison of counters and ledger found, and when.',
      async handle() {
        return { status: 200, json: running().watch.state };
      },
    },
  ];
  return routes.map(operatorOnly);
}
