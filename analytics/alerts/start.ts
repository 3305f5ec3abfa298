import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import { ALERTS_CONSUMER, LEASES_BUCKET } from '../../engine/contract/subjects.js';
import type { Config } from '../../engine/platform/config.js';
import { Lease } from '../../engine/platform/lease.js';
import type { Logger } from '../../engine/platform/log.js';
import type { ClickHouse } from '../clickhouse.js';
import type { OpenCatalog } from '../control/open-catalog.js';
import { listCustomersOf } from '../reconcile/gone.js';
import { FactsConsumer } from '../sink/facts-consumer.js';
import { AlertLog, AlertLogWriter } from './alert-log.js';
import { AlertStream } from './alert-stream.js';
import { BACKOFF, type Backoff } from './backoff.js';
import { Deliverer, PENDING_MAX } from './deliverer.js';
import { newDelivery } from './delivery.js';
import { DeliveryStore } from './delivery-store.js';
import { Detector } from './detector.js';
import { openDispatch, openRecord } from './dispatch.js';
import { FactsWatch } from './facts-watch.js';
import { AlertMetrics } from './metrics.js';
import { Raiser } from './raise.js';
import { Sender, type SenderOptions } from './sender.js';
import { ensureAlertStreams } from './streams.js';
import { Sweep } from './sweep.js';
import { wants } from './target.js';
import { openTargets, type TargetStore } from './target-store.js';

const LEASE_KEY = 'alerts';
const RETRY_MS = 500;
/** Between two looks at the counters of everybody. */
const SWEEP_MS = 300_000;
/** Waits for room among the deliveries. */
const ROOM_MS = 200;

export interface AlertOptions extends SenderOptions {
  /** Replaced by tests. */
  readonly backoff?: Backoff | undefined;
}

export interface AlertDependencies {
  readonly options: AlertOptions;
  readonly catalog: Pick<OpenCatalog, 'registry' | 'engine'>;
  readonly clickhouse: Pick<ClickHouse, 'query' | 'insertRows'>;
  readonly nats: NatsConnection;
  readonly registry: Registry;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Alerts, as the API sees them. What is under way is there only in the process that has the lease. */
export interface Alerting {
  readonly targets: TargetStore;
  readonly sender: Sender;
  /** Undefined while another process, or nobody yet, delivers. */
  readonly deliverer: Deliverer | undefined;
  stop(): Promise<void>;
}

/** How alerts go out, by the settings. */
export const alertOptions = (config: Pick<Config, 'alertsPrivateNetworks' | 'smtpUrl' | 'smtpFrom'>): AlertOptions => ({
  allowPrivate: config.alertsPrivateNetworks === 'allow',
  smtpUrl: config.smtpUrl,
  smtpFrom: config.smtpFrom,
});

/** Finds crossings and delivers alerts until it is stopped; starts over after a failure. @throws NatsError */
export async function startAlerts(dependencies: AlertDependencies): Promise<Alerting> {
  const { nats, log, registry, options } = dependencies;
  const abort = new AbortController();
  let deliverer: Deliverer | undefined;
  const metrics = new AlertMetrics(registry, () => {
    const oldestMs = deliverer?.oldestMs;
    return { count: deliverer?.pending ?? 0, oldestMs: oldestMs === undefined ? 0 : Date.now() - oldestMs };
  });
  const targets = await openTargets(nats.jetstream().views, log);
  const parts = { targets, sender: new Sender(options) };
  const run = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      try {
        await term({ ...dependencies, ...parts, metrics }, abort.signal, (working) => {
          deliverer = working;
        });
      } catch (error) {
        if (abort.signal.aborted) return;
        metrics.restarts.inc();
        log.warn({ error }, 'alerts cannot work, and start over');
      }
      await delay(RETRY_MS, undefined, { signal: abort.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    ...parts,
    get deliverer() {
      return deliverer;
    },
    async stop() {
      abort.abort();
      await running;
      targets.close();
    },
  };
}

type TermDependencies = AlertDependencies & Pick<Alerting, 'targets' | 'sender'> & { readonly metrics: AlertMetrics };

/** One term of the lease: everything runs until something fails, the lease is lost, or the process stops. */
async function term(
  dependencies: TermDependencies,
  stopping: AbortSignal,
  onDeliverer: (deliverer: Deliverer | undefined) => void,
): Promise<void> {
  const { nats, log, clickhouse, metrics, options, targets, sender } = dependencies;
  const manager = await nats.jetstreamManager();
  const js = nats.jetstream();
  await ensureAlertStreams(manager);
  const lease = await Lease.acquire({
    store: await js.views.kv(LEASES_BUCKET),
    key: LEASE_KEY,
    signal: stopping,
    onWait: (holder) => log.info({ holder }, 'another process delivers alerts: waiting for its lease'),
  });
  const over = new AbortController();
  const signal = AbortSignal.any([stopping, over.signal]);
  const writer = new AlertLogWriter(clickhouse, log, signal);
  const deliverer = new Deliverer({
    store: new DeliveryStore(js, manager),
    log: (delivery) => writer.delivery(delivery),
    target: (id) => targets.get(id),
    send: (target, { alert }) => sender.send(target, alert),
    backoff: options.backoff ?? BACKOFF,
    metrics,
    logger: log,
    signal,
  });
  const consumer = new FactsConsumer(nats, manager, lease, { name: ALERTS_CONSUMER });
  const end = (): void => over.abort();
  const parts = [
    lostLease(lease, signal),
    // After what an earlier process left behind: a delivery is scheduled once.
    deliverer.resume().then(async () => {
      onDeliverer(deliverer);
      await dispatch(dependencies, deliverer, signal);
    }),
    openRecord({ nats, manager, log, signal }).then((reader) => reader.run((alert) => writer.alert(alert))),
    watchFacts(dependencies, consumer, lease, signal),
  ];
  try {
    await Promise.race(parts.map((part) => part.then(end)));
  } finally {
    end();
    onDeliverer(undefined);
    await Promise.allSettled(parts);
    await deliverer.stop();
    await writer.settle();
    consumer.close();
    await nats.flush().catch(() => undefined);
    await lease.release();
  }
}

async function lostLease(lease: Lease, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && lease.held) await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
}

/** Makes the deliveries of each alert. */
async function dispatch(
  { nats, log, targets }: TermDependencies,
  deliverer: Deliverer,
  signal: AbortSignal,
): Promise<void> {
  const manager = await nats.jetstreamManager();
  const reader = await openDispatch({ nats, manager, log, signal });
  await reader.run(async (alert) => {
    while (deliverer.pending >= PENDING_MAX) await delay(ROOM_MS, undefined, { signal });
    const nowMs = Date.now();
    const wanting = targets.all().filter((target) => wants(target, alert));
    await Promise.all(wanting.map(({ id }) => deliverer.add(newDelivery(alert, id, nowMs))));
  });
}

/** Finds crossings in facts, and in counters where no fact tells of them. */
async function watchFacts(
  dependencies: TermDependencies,
  consumer: FactsConsumer,
  lease: Lease,
  signal: AbortSignal,
): Promise<void> {
  const { catalog, nats, log, metrics } = dependencies;
  const alertLog = new AlertLog(dependencies.clickhouse);
  const { view } = catalog.engine;
  const stream = new AlertStream({
    js: nats.jetstream(),
    manager: await nats.jetstreamManager(),
    isLogged: (id) => alertLog.isLogged(id),
  });
  const detector = new Detector(view);
  const raiser = new Raiser(detector, stream, metrics);
  const sweep = new Sweep({
    catalog: view,
    counters: catalog.engine.counterReader(),
    listCustomers: listCustomersOf(catalog.registry),
    detector,
    raiser,
    metrics,
    log,
    everyMs: SWEEP_MS,
    signal,
  });
  const watch = new FactsWatch({
    consumer,
    detector,
    raiser,
    sweep: (customer) => sweep.request(customer),
    catalog: view,
    lease,
    log,
    signal,
  });
  await Promise.all([sweep.run(), watch.run(() => log.info({}, 'looking for crossings'))]);
}
