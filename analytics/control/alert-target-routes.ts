import { lookup } from 'node:dns/promises';
import { NatsError } from 'nats';
import { z } from 'zod';
import { WeirError } from '../../engine/index.js';
import type { Logger } from '../../engine/platform/log.js';
import type { Reply, RequestContext, Route } from '../../ingest/http/index.js';
import { type Alert, alertId } from '../alerts/alert.js';
import type { AlertLog } from '../alerts/alert-log.js';
import { isPublic, literalAddress } from '../alerts/private-network.js';
import type { Alerting } from '../alerts/start.js';
import {
  newSecret,
  rotated,
  shownTarget,
  type Target,
  type TargetRequest,
  targetRequestSchema,
} from '../alerts/target.js';
import { actorOf, operatorOnly } from './operator.js';

export interface AlertRouteDependencies {
  /** Undefined until NATS is reached. */
  readonly alerting: () => Alerting | undefined;
  readonly alertLog: AlertLog;
  readonly allowPrivate: boolean;
  readonly log: Pick<Logger, 'info'>;
}

/** @throws WeirError `alerts_unavailable` */
export function reachedAlerting({ alerting }: Pick<AlertRouteDependencies, 'alerting'>): Alerting {
  const running = alerting();
  if (running === undefined) throw new WeirError('alerts_unavailable', 'NATS is not reached, or NATS_URL not set');
  return running;
}

/** A NATS that is away is an expected failure. */
export async function answerAlerts(work: () => Promise<Reply>): Promise<Reply> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NatsError) throw new WeirError('alerts_unavailable', error.message);
    throw error;
  }
}

/** Where alerts go. A secret is in the answer that made it, and nowhere else. */
export function alertTargetRoutes(dependencies: AlertRouteDependencies): Route[] {
  const targetOf = ({ params: { id = '' } }: RequestContext): Target => {
    const target = reachedAlerting(dependencies).targets.get(id);
    if (target === undefined) throw new WeirError('not_found', `no alert target ${JSON.stringify(id)}`);
    return target;
  };
  const routes: Route[] = [
    {
      method: 'GET',
      path: '/v1/alert-targets',
      scope: 'admin',
      summary: 'Lists where alerts go, without secrets.',
      query: z.strictObject({}),
      async handle() {
        const rows = reachedAlerting(dependencies).targets.all().map(shownTarget);
        return { status: 200, json: { rows } };
      },
    },
    {
      method: 'GET',
      path: '/v1/alert-targets/:id',
      scope: 'admin',
      summary: 'Shows an alert target without its secret.',
      async handle(context) {
        return { status: 200, json: shownTarget(targetOf(context)) };
      },
    },
    {
      method: 'PUT',
      path: '/v1/alert-targets/:id',
      scope: 'admin',
      summary:
        'Makes or changes an alert target; of a new webhook the answer has the secret, and nothing shows it again.',
      request: targetRequestSchema,
      handle: (context) => answerAlerts(() => put(dependencies, context)),
    },
    {
      method: 'DELETE',
      path: '/v1/alert-targets/:id',
      scope: 'admin',
      summary: 'Deletes an alert target; what it has not been sent yet is given up.',
      handle: (context) =>
        answerAlerts(async () => {
          const { id = '' } = context.params;
          const actor = actorOf(context);
          const deleted = await reachedAlerting(dependencies).targets.delete(id);
          if (!deleted) throw new WeirError('not_found', `no alert target ${JSON.stringify(id)}`);
          dependencies.log.info({ target: id, actor }, 'an alert target was deleted');
          return { status: 200, json: { deleted: true } };
        }),
    },
    {
      method: 'POST',
      path: '/v1/alert-targets/:id/rotate',
      scope: 'admin',
      summary: 'Makes another secret for a webhook; the one before signs beside it for a day.',
      handle: (context) =>
        answerAlerts(async () => {
          const { id } = targetOf(context);
          const actor = actorOf(context);
          const nowMs = Date.now();
          const { target, secret } = await reachedAlerting(dependencies).targets.change(id, (before) => {
            if (before === undefined) throw new WeirError('not_found', `no alert target ${JSON.stringify(id)}`);
            return rotated({ ...before, ...changedBy(actor, nowMs) }, nowMs);
          });
          dependencies.log.info({ target: id, actor }, 'the secret of an alert target was rotated');
          return { status: 200, json: { ...shownTarget(target), secret } };
        }),
    },
    {
      method: 'POST',
      path: '/v1/alert-targets/:id/test',
      scope: 'admin',
      summary: 'Sends a test alert to a target now, once, and says what became of it.',
      handle: (context) =>
        answerAlerts(async () => {
          const target = targetOf(context);
          actorOf(context);
          const outcome = await reachedAlerting(dependencies).sender.send(target, testAlert(Date.now()));
          return { status: 200, json: outcome };
        }),
    },
  ];
  return routes.map(operatorOnly);
}

const changedBy = (actor: string, nowMs: number) => ({ updatedAt: new Date(nowMs).toISOString(), updatedBy: actor });

async function put(dependencies: AlertRouteDependencies, context: RequestContext): Promise<Reply> {
  const { id = '' } = context.params;
  const destination = await context.json(targetRequestSchema);
  const actor = actorOf(context);
  const alerting = reachedAlerting(dependencies);
  await assertReachable(destination, alerting, dependencies.allowPrivate);
  const nowMs = Date.now();
  const { target, secret, created } = await alerting.targets.change(id, (before) => {
    const signs = destination.kind === 'webhook';
    const kept = signs ? (before?.secrets ?? []) : [];
    const made = signs && kept.length === 0 ? newSecret() : undefined;
    const secrets = made === undefined ? kept : [{ secret: made, untilMs: null }];
    const changed = { id, destination, secrets, ...changedBy(actor, nowMs) };
    return { target: changed, secret: made, created: before === undefined };
  });
  dependencies.log.info({ target: id, kind: destination.kind, actor }, 'an alert target was written');
  const json = { ...shownTarget(target), ...(secret === undefined ? {} : { secret }) };
  return { status: created ? 201 : 200, json };
}

/** What could never be delivered is refused at once. It is looked at again at every connection. */
async function assertReachable(destination: TargetRequest, { sender }: Alerting, allowPrivate: boolean): Promise<void> {
  if (destination.kind === 'email') {
    if (!sender.canMail) throw new WeirError('invalid_request', 'mail needs WEIR_SMTP_URL', { field: 'kind' });
    return;
  }
  const url = new URL(destination.url);
  if (url.username !== '' || url.password !== '') {
    throw new WeirError('invalid_request', 'a URL with a user or password', { field: 'url' });
  }
  if (allowPrivate) return;
  if (url.protocol !== 'https:')
    throw new WeirError('invalid_request', 'the URL must begin with https', { field: 'url' });
  const literal = literalAddress(url);
  // A name that cannot be resolved now may be later; whoever connects looks again.
  const found =
    literal === undefined ? await lookup(url.hostname, { all: true }).catch(() => []) : [{ address: literal }];
  if (found.some(({ address }) => !isPublic(address)))
    throw new WeirError('private_network', undefined, { field: 'url' });
}

/** Told apart by its time: each test is another alert. */
function testAlert(nowMs: number): Alert {
  const at = new Date(nowMs).toISOString();
  const [customer, feature, limit] = ['test-customer', 'test-feature', 'test-limit'];
  const identity = {
    customer,
    entity: '',
    feature,
    limit,
    windowStartMs: nowMs,
    windowEndMs: nowMs,
    kind: 'test',
    threshold: null,
  } as const;
  return {
    id: alertId(identity),
    at,
    kind: 'test',
    customer,
    plan: 'test-plan',
    entity: null,
    feature,
    limit,
    threshold: 80,
    used: 80,
    included: 100,
    window: { start: at, end: null },
  };
}
