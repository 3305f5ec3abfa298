import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { Gauge, type Registry } from 'prom-client';
import type { ClickHouse } from '../clickhouse.js';
import type { OpenCatalog } from './open-catalog.js';

/** A scrape waits no longer for a service: one that is silent counts as away. */
const ANSWER_MS_MAX = 1_000;

interface Services {
  readonly catalog: Pick<OpenCatalog, 'redis'>;
  readonly clickhouse: Pick<ClickHouse, 'ping'>;
  readonly registry: Registry;
}

/** Shows which services answer the control plane, asked at each scrape. @param nats undefined until it was reached. */
export function showReachability(
  { catalog, clickhouse, registry }: Services,
  nats: () => NatsConnection | undefined,
): void {
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    redis: () => catalog.redis.ping(),
    nats: async () => {
      const connection = nats();
      if (connection === undefined) throw new Error('not connected yet');
      await connection.flush();
    },
    clickhouse: () => clickhouse.ping(),
  };
  new Gauge({
    name: 'weir_service_up',
    help: '1 when the service answers the control plane, else 0.',
    labelNames: ['service'],
    registers: [registry],
    async collect() {
      await Promise.all(
        Object.entries(asked).map(async ([service, ask]) => {
          this.set({ service }, (await answers(ask)) ? 1 : 0);
        }),
      );
    },
  });
}

async function answers(ask: () => Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const asked = ask().then(
    () => true,
    () => false,
  );
  const late = delay(ANSWER_MS_MAX, false, { signal: timer.signal, ref: false }).catch(() => false);
  const answered = await Promise.race([asked, late]);
  timer.abort();
  return answered;
}
