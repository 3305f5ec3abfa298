import { z } from 'zod';
import { idSchema, WeirError } from '../../engine/index.js';
import type { RequestContext, Route } from '../../ingest/http/index.js';
import { ALERT_KINDS } from '../alerts/alert.js';
import { DELIVERY_STATES, type Delivery } from '../alerts/delivery.js';
import { decodeCursor, pageOf } from '../reports/output.js';
import {
  cursorParameter,
  customerParameter,
  instantParameter,
  limitParameter,
  rangeOf,
  visibleCustomer,
} from '../reports/parameters.js';
import {
  type AlertRouteDependencies,
  alertTargetRoutes,
  answerAlerts,
  reachedAlerting,
} from './alert-target-routes.js';
import { answer } from './answer.js';
import { actorOf, operatorOnly } from './operator.js';

const ROWS_DEFAULT = 100;
const ROWS_MAX = 1_000;
/** Days that lists look back when no `from` is given. */
const LIST_DAYS = 30;
const ATTEMPTS_SHOWN_MAX = 200;

const listParameters = {
  customer: customerParameter,
  from: instantParameter,
  to: instantParameter,
  limit: limitParameter(ROWS_DEFAULT, ROWS_MAX),
  cursor: cursorParameter,
};
const alertsParameters = z.strictObject({ ...listParameters, kind: z.enum(ALERT_KINDS).optional() });
const deliveriesParameters = z.strictObject({
  ...listParameters,
  target: idSchema.optional(),
  state: z.enum(DELIVERY_STATES).optional(),
});

const placeSchema = z.tuple([z.int(), z.string()]);

/** Alerts, where they go, and what became of them. */
export function alertRoutes(dependencies: AlertRouteDependencies): Route[] {
  return [
    alertsRoute(dependencies),
    ...[deliveriesRoute(dependencies), deliveryRoute(dependencies), replayRoute(dependencies)].map(operatorOnly),
    ...alertTargetRoutes(dependencies),
  ];
}

function alertsRoute(dependencies: AlertRouteDependencies): Route {
  return {
    method: 'GET',
    path: '/v1/alerts',
    scope: 'read',
    summary: 'Alerts that were raised, newest first. A key bound to a customer sees that customer only.',
    query: alertsParameters,
    handle: (context) =>
      answer(async () => {
        const { customer, kind, ...asked } = context.parseQuery(alertsParameters);
        const range = { ...rangeAsked(asked), customer: visibleCustomer(context, customer), kind: kind ?? '' };
        const read = await dependencies.alertLog.alerts({ ...range, limit: asked.limit + 1 });
        const { shown, next } = pageOf(read, asked.limit, (last) => [last.atMs, last.alert.id]);
        return { status: 200, json: { rows: shown.map(({ alert }) => alert), ...next } };
      }),
  };
}

function deliveriesRoute(dependencies: AlertRouteDependencies): Route {
  return {
    method: 'GET',
    path: '/v1/alert-deliveries',
    scope: 'admin',
    summary: 'Deliveries of alerts, newest first, each with what became of it so far.',
    query: deliveriesParameters,
    handle: (context) =>
      answer(async () => {
        const { customer = '', target = '', state = '', ...asked } = context.parseQuery(deliveriesParameters);
        const range = { ...rangeAsked(asked), customer, target, state };
        const read = await dependencies.alertLog.deliveries({ ...range, limit: asked.limit + 1 });
        const { shown, next } = pageOf(read, asked.limit, (last) => [last.createdMs, last.id]);
        return { status: 200, json: { rows: shown.map(shownDelivery), ...next } };
      }),
  };
}

function deliveryRoute(dependencies: AlertRouteDependencies): Route {
  return {
    method: 'GET',
    path: '/v1/alert-deliveries/:id',
    scope: 'admin',
    summary: 'Shows a delivery, with its attempts, the latest first.',
    handle: (context) =>
      answer(async () => {
        const { id = '' } = context.params;
        const states = await dependencies.alertLog.states(id, ATTEMPTS_SHOWN_MAX);
        const [latest] = states;
        if (latest === undefined) throw noDelivery(id);
        const attempts = states
          .filter(({ attempts: number }, index) => number > 0 && states[index + 1]?.attempts !== number)
          .map(({ attempts: number, updatedMs, status, ms, error }) => ({
            number,
            at: instant(updatedMs),
            status,
            ms,
            error,
          }));
        return { status: 200, json: { ...shownDelivery(latest), alert: latest.alert, log: attempts } };
      }),
  };
}

function replayRoute(dependencies: AlertRouteDependencies): Route {
  return {
    method: 'POST',
    path: '/v1/alert-deliveries/:id/replay',
    scope: 'admin',
    summary: 'Sends a delivery again under the same webhook-id, with another day of attempts, whatever became of it.',
    successStatus: 202,
    handle: (context) => answerAlerts(() => answer(() => replay(dependencies, context))),
  };
}

async function replay(dependencies: AlertRouteDependencies, context: RequestContext) {
  const { id = '' } = context.params;
  actorOf(context);
  const { deliverer } = reachedAlerting(dependencies);
  if (deliverer === undefined) throw new WeirError('alerts_unavailable');
  const [past] = await dependencies.alertLog.states(id, 1);
  const delivery = await deliverer.replay(id, past);
  if (delivery === undefined) throw noDelivery(id);
  return { status: 202, json: shownDelivery(delivery) };
}

const noDelivery = (id: string): WeirError => new WeirError('not_found', `no delivery ${JSON.stringify(id)}`);

interface AskedRange {
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

function rangeAsked({ from, to, cursor }: Partial<AskedRange>) {
  const [beforeMs, beforeId] = decodeCursor(cursor, (place) => placeSchema.parse(place)) ?? [
    Number.MAX_SAFE_INTEGER,
    '',
  ];
  return { ...rangeOf(from, to, LIST_DAYS, Date.now()), beforeMs, beforeId };
}

const instant = (ms: number): string => new Date(ms).toISOString();

function shownDelivery({
  id,
  target,
  state,
  alert,
  createdMs,
  updatedMs,
  nextMs,
  attempts,
  status,
  ms,
  error,
}: Delivery) {
  return {
    id,
    alert: alert.id,
    kind: alert.kind,
    customer: alert.customer,
    target,
    state,
    attempts,
    status,
    ms,
    error,
    createdAt: instant(createdMs),
    updatedAt: instant(updatedMs),
    nextAt: nextMs === null ? null : instant(nextMs),
  };
}
