import type { NatsConnection } from 'nats';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import { FACTS_STREAM, type GatewayPulse, SINK_CONSUMER } from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import type { OpenCatalog } from '../control/open-catalog.js';
import { loadQuery } from '../queries.js';
import type { DriftState } from '../reconcile/drift-watch.js';
import { nearLimits } from '../reports/near-limits.js';
import { toInstant } from '../reports/periods.js';
import { DeadLetters } from '../sink/dead-letters.js';
import { acknowledgedThrough } from '../sink/facts-consumer.js';
import { MetricsText } from './metrics-text.js';
import type { Overview } from './overview-schema.js';
import { Remembered } from './remembered.js';
import { trafficOf } from './traffic.js';

const ledgerHead = loadQuery('ledger-head');
const ledgerHeadSchema = z.object({ facts: z.number(), newestMs: z.number() });

export const NEAR_THRESHOLD = 80;
/** Limits that are counted; past it there are "more". */
const NEAR_ROWS_MAX = 1_000;
const NEAR_ROWS_SHOWN = 5;
/** One look a second, however many consoles are open. */
const LOOK_MS = 900;
/** Near limits read the windows of all customers. */
const NEAR_MS = 10_000;

export interface OverviewSources {
  readonly catalog: {
    readonly registry: Pick<OpenCatalog['registry'], 'countObjects'>;
    readonly engine: Pick<OpenCatalog['engine'], 'pulses' | 'outboxDepth' | 'view'>;
  };
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  /** Undefined until NATS is reached. */
  readonly nats: () => NatsConnection | undefined;
  /** Undefined until NATS is reached. */
  readonly drift: () => DriftState | undefined;
  /** Shows this process's metrics, and those of relay and sink. */
  readonly registry: Pick<Registry, 'metrics'>;
  readonly now?: () => number;
}

/** The whole system at a glance. A part that cannot be asked is null, and said to be so; the others are there. */
export class OverviewWatch {
  readonly #sources: OverviewSources;
  readonly #now: () => number;
  readonly #look: Remembered<Overview>;
  readonly #near: Remembered<NonNullable<Overview['nearLimits']>>;

  constructor(sources: OverviewSources) {
    this.#sources = sources;
    this.#now = sources.now ?? Date.now;
    this.#look = new Remembered(() => this.#gather(), LOOK_MS, this.#now);
    this.#near = new Remembered(() => this.#countNear(), NEAR_MS, this.#now);
  }

  get(): Promise<Overview> {
    return this.#look.get();
  }

  async #gather(): Promise<Overview> {
    const { catalog, drift, nats } = this.#sources;
    const problems: string[] = [];
    const part = async <T>(what: string, work: () => Promise<T>): Promise<T | null> => {
      try {
        return await work();
      } catch {
        problems.push(`${what} cannot be reached`);
        return null;
      }
    };
    const [pulses, outbox, customers, stream, ledger, metrics, near] = await Promise.all([
      part('Redis', () => catalog.engine.pulses().read(this.#now())),
      part('Redis', () => catalog.engine.outboxDepth()),
      part('Redis', () => catalog.registry.countObjects('customer')),
      part('NATS', () => this.#stream(nats())),
      part('ClickHouse', () => this.#ledger()),
      part('NATS', async () => new MetricsText(await this.#sources.registry.metrics())),
      this.#near.latest(),
    ]);
    const seen = drift();
    return {
      asOf: toInstant(this.#now()),
      problems: [...new Set(problems)],
      gateways: pulses?.map(gatewayOf) ?? null,
      traffic: pulses === null ? null : trafficOf(pulses),
      outbox:
        outbox === null
          ? null
          : {
              entries: outbox.entries,
              bytes: Math.max(0, ...(pulses ?? []).map(({ outboxBytes }) => outboxBytes)),
              lagSeconds: outbox.oldestMs === null ? 0 : Math.max(0, this.#now() - outbox.oldestMs) / 1_000,
            },
      relay: {
        entries: metrics?.sum('weir_relay_entries_total') ?? null,
        failures: metrics?.sum('weir_relay_failures_total') ?? null,
      },
      stream,
      sink: {
        lagSeconds: metrics?.sum('weir_sink_lag_seconds') ?? null,
        failures: metrics?.sum('weir_sink_insert_failures_total') ?? null,
        rows: metrics?.sum('weir_sink_rows_total') ?? null,
      },
      ledger,
      drift:
        seen === undefined
          ? null
          : { windows: seen.drift, compared: seen.windows, lastRoundAt: seen.lastRound?.endedAt ?? null },
      nearLimits: near,
      customers,
      version: catalog.engine.view.version,
    };
  }

  async #stream(nats: NatsConnection | undefined): Promise<NonNullable<Overview['stream']>> {
    if (nats === undefined) throw new Error('NATS is not reached yet');
    const manager = await nats.jetstreamManager();
    const [{ state }, consumer, deadLetters] = await Promise.all([
      manager.streams.info(FACTS_STREAM),
      manager.consumers.info(FACTS_STREAM, SINK_CONSUMER),
      new DeadLetters(manager).count(),
    ]);
    const behind = Math.max(0, state.last_seq - acknowledgedThrough(consumer));
    return { messages: state.messages, bytes: state.bytes, behind, deadLetters };
  }

  async #ledger(): Promise<NonNullable<Overview['ledger']>> {
    const [head] = await this.#sources.clickhouse.query(ledgerHead, {}, ledgerHeadSchema);
    const { facts, newestMs } = head ?? { facts: 0, newestMs: 0 };
    return { facts, newestAt: facts === 0 ? null : toInstant(newestMs) };
  }

  async #countNear(): Promise<NonNullable<Overview['nearLimits']>> {
    const { clickhouse, catalog } = this.#sources;
    const all = { customer: '', plan: undefined, feature: undefined, cursor: undefined };
    const request = { ...all, threshold: NEAR_THRESHOLD, limit: NEAR_ROWS_MAX };
    const { rows, nextCursor } = await nearLimits(clickhouse, catalog.engine.view, request, this.#now());
    return {
      threshold: NEAR_THRESHOLD,
      limits: rows.length,
      customers: new Set(rows.map(({ customer }) => customer)).size,
      exhausted: rows.filter(({ percent }) => Number(percent) >= 100).length,
      more: nextCursor !== undefined,
      rows: rows.slice(0, NEAR_ROWS_SHOWN),
    };
  }
}

const gatewayOf = ({ gateway, atMs, depth, version }: GatewayPulse) => ({
  gateway,
  at: toInstant(atMs),
  depth,
  version,
});
