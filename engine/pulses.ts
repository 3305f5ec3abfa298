import { z } from 'zod';
import { LATENCY_BOUNDS_SECONDS } from './platform/hot-metrics.js';
import type { RedisClient } from './store/cluster.js';
import { GATEWAYS_KEY } from './store/keys.js';

/** A gateway that was silent for longer is gone, or cut off. */
const SILENT_MS_MAX = 5_000;
/** What it said is forgotten after this. */
const KEPT_MS = 60_000;
/** Pulses that are read: more gateways than this are not told apart any more. */
const GATEWAYS_MAX = 1_024;

const count = z.number().min(0);

const pulseSchema = z.object({
  /** Host and process: `web-1/gateway-0`. */
  gateway: z.string(),
  atMs: z.number(),
  /** What follows was counted in this time up to `atMs`. */
  spanMs: z.number().positive(),
  /** Decisions by reason. */
  decisions: z.record(z.string(), count),
  /** Of them, without Redis. */
  degraded: count,
  /** Usage events by outcome. */
  events: z.record(z.string(), count),
  /** Requests answered with a status of 500 and more. */
  failures: count,
  /** Single checks and gate requests by latency, one count for each bound and one above all. */
  latency: z.array(count).length(LATENCY_BOUNDS_SECONDS.length + 1),
  /** Operations that wait or are in flight now. */
  depth: count,
  /** Of the catalog that decides there. */
  version: z.number(),
  /** In the outboxes, as it last measured. */
  outboxBytes: count,
});

/** What a gateway did in the last seconds. Spans in place of totals: a gateway that starts anew disturbs no rate. */
export type GatewayPulse = z.output<typeof pulseSchema>;

/**
 * Where gateways tell how they do, about once a second, and the control plane reads it. Gateways share a port, so that
 * nobody outside can ask one of them; and they know nothing but Redis.
 */
export class GatewayPulses {
  readonly #redis: RedisClient;

  constructor(redis: RedisClient) {
    this.#redis = redis;
  }

  /** @throws the client's errors. */
  async tell(pulse: GatewayPulse): Promise<void> {
    await this.#redis.hset(GATEWAYS_KEY, pulse.gateway, JSON.stringify(pulse));
  }

  /** A gateway that ends says so. @throws the client's errors. */
  async forget(gateway: string): Promise<void> {
    await this.#redis.hdel(GATEWAYS_KEY, gateway);
  }

  /** The pulses of gateways that live, by name. What is not of this version is left out. @throws the client's errors. */
  async read(nowMs: number): Promise<GatewayPulse[]> {
    const told = Object.entries(await this.#redis.hgetall(GATEWAYS_KEY)).slice(0, GATEWAYS_MAX);
    const pulses = told.map(([gateway, text]) => ({ gateway, pulse: parse(text) }));
    const gone = pulses.flatMap(({ gateway, pulse }) =>
      pulse === undefined || nowMs - pulse.atMs > KEPT_MS ? [gateway] : [],
    );
    if (gone.length > 0) await this.#redis.hdel(GATEWAYS_KEY, ...gone);
    return pulses
      .flatMap(({ pulse }) => (pulse !== undefined && nowMs - pulse.atMs <= SILENT_MS_MAX ? [pulse] : []))
      .sort((left, right) => (left.gateway < right.gateway ? -1 : 1));
  }
}

function parse(text: string): GatewayPulse | undefined {
  try {
    return pulseSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
