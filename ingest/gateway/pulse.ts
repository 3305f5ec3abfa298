import type { Registry } from 'prom-client';
import { type GatewayPulse, type GatewayPulses, LATENCY_BOUNDS_SECONDS } from '../../engine/index.js';
import type { Logger } from '../../engine/platform/log.js';

const PERIOD_MS = 1_000;
/** A pulse tells of this many periods: enough that a rate does not flicker. */
const PERIODS = 5;
/** Routes whose latency is a check's. */
const CHECK_ROUTES: ReadonlySet<string> = new Set(['/v1/check', '/v1/gate', '/v1/gate/*']);

export interface PulseOptions {
  /** The metrics that the gateway counts anyway: a pulse costs a check nothing. */
  readonly registry: Registry;
  readonly pulses: Pick<GatewayPulses, 'tell' | 'forget'>;
  /** Host and process. */
  readonly gateway: string;
  readonly engine: {
    readonly depth: number;
    readonly outboxBytes: number;
    readonly view: { readonly version: number };
  };
  readonly log: Pick<Logger, 'warn'>;
}

/** Counts since the start. */
interface Totals {
  readonly atMs: number;
  readonly decisions: Readonly<Record<string, number>>;
  readonly degraded: number;
  readonly events: Readonly<Record<string, number>>;
  readonly failures: number;
  readonly latency: readonly number[];
}

/** Tells every second what the gateway did in the last five. */
export class Pulse {
  readonly #options: PulseOptions;
  readonly #readings: Totals[] = [];
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #failing = false;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#beating ??= this.beat(Date.now()).finally(() => {
        this.#beating = undefined;
      });
    }, PERIOD_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    const { pulses, gateway } = this.#options;
    // Where Redis is away, the pulse grows old by itself.
    await pulses.forget(gateway).catch((error: unknown) => this.#fail(error));
  }

  /** Never throws: a Redis that is away has its own alarms, and the next second is a new try. */
  async beat(nowMs: number): Promise<void> {
    const { registry, pulses, gateway, engine } = this.#options;
    const now = await readTotals(registry, nowMs);
    const before = this.#readings[0];
    this.#readings.push(now);
    if (this.#readings.length > PERIODS) this.#readings.shift();
    if (before === undefined || nowMs <= before.atMs) return;
    const { depth, outboxBytes, view } = engine;
    try {
      await pulses.tell({ ...since(before, now), gateway, depth, outboxBytes, version: view.version });
      this.#failing = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Once an outage, not once a second. */
  #fail(error: unknown): void {
    if (!this.#failing) this.#options.log.warn({ error }, 'the console does not hear of this gateway');
    this.#failing = true;
  }
}

function since(before: Totals, now: Totals) {
  const changes = (name: 'decisions' | 'events') =>
    Object.fromEntries(Object.entries(now[name]).map(([key, total]) => [key, total - (before[name][key] ?? 0)]));
  return {
    atMs: now.atMs,
    spanMs: now.atMs - before.atMs,
    decisions: changes('decisions'),
    degraded: now.degraded - before.degraded,
    events: changes('events'),
    failures: now.failures - before.failures,
    latency: now.latency.map((total, index) => total - (before.latency[index] ?? 0)),
  } satisfies Partial<GatewayPulse>;
}

interface Sample {
  readonly value: number;
  readonly labels: Partial<Record<string, string | number>>;
  readonly metricName?: string;
}

async function readTotals(registry: Registry, atMs: number): Promise<Totals> {
  const samples = async (name: string): Promise<readonly Sample[]> =>
    (await registry.getSingleMetric(name)?.get())?.values ?? [];
  const [decisions, degraded, events, requests, durations] = await Promise.all([
    samples('weir_decisions_total'),
    samples('weir_decisions_degraded_total'),
    samples('weir_events_total'),
    samples('weir_http_requests_total'),
    samples('weir_http_request_duration_seconds'),
  ]);
  return {
    atMs,
    decisions: byLabel(decisions, 'reason'),
    degraded: sum(degraded),
    events: byLabel(events, 'outcome'),
    failures: sum(requests.filter(({ labels }) => Number(labels.status) >= 500)),
    latency: latencyOf(durations),
  };
}

const sum = (samples: readonly Sample[]): number => samples.reduce((total, { value }) => total + value, 0);

function byLabel(samples: readonly Sample[], label: string): Record<string, number> {
  return Object.fromEntries(samples.map(({ labels, value }) => [String(labels[label]), value]));
}

/** Counts of each bucket by itself; Prometheus's are cumulative. */
function latencyOf(samples: readonly Sample[]): number[] {
  const buckets = samples.filter(
    ({ metricName, labels }) =>
      metricName === 'weir_http_request_duration_seconds_bucket' && CHECK_ROUTES.has(String(labels.route)),
  );
  const upTo = [...LATENCY_BOUNDS_SECONDS, '+Inf'].map((bound) =>
    sum(buckets.filter(({ labels }) => labels.le === bound)),
  );
  return upTo.map((total, index) => total - (upTo[index - 1] ?? 0));
}
