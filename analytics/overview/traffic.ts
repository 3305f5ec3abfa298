import { type GatewayPulse, LATENCY_BOUNDS_SECONDS } from '../../engine/index.js';

/** Decisions that admit. */
const ALLOWED: ReadonlySet<string> = new Set(['ok', 'overage']);

/** What all gateways do together, per second. */
export interface Traffic {
  readonly checksPerSecond: number;
  readonly deniedPerSecond: number;
  readonly degradedPerSecond: number;
  readonly eventsPerSecond: number;
  readonly rejectedEventsPerSecond: number;
  /** Requests answered with a status of 500 and more. */
  readonly failuresPerSecond: number;
  /** Denials by reason, those that occur. */
  readonly deniedByReason: Readonly<Record<string, number>>;
  /** Of single checks, from the request line to the answer; null while there is none. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
}

/** Each gateway's counts over its own span. */
export function trafficOf(pulses: readonly GatewayPulse[]): Traffic {
  const rate = (countOf: (pulse: GatewayPulse) => number): number =>
    rounded(pulses.reduce((sum, pulse) => sum + (countOf(pulse) * 1_000) / pulse.spanMs, 0));
  const sumWhere = (counts: Readonly<Record<string, number>>, isMeant: (name: string) => boolean): number =>
    Object.entries(counts).reduce((sum, [name, count]) => (isMeant(name) ? sum + count : sum), 0);
  const reasons = new Set(pulses.flatMap(({ decisions }) => Object.keys(decisions)));
  const denied = [...reasons]
    .filter((reason) => !ALLOWED.has(reason))
    .map((reason) => [reason, rate(({ decisions }) => decisions[reason] ?? 0)] as const);
  return {
    checksPerSecond: rate(({ decisions }) => sumWhere(decisions, () => true)),
    deniedPerSecond: rate(({ decisions }) => sumWhere(decisions, (reason) => !ALLOWED.has(reason))),
    degradedPerSecond: rate(({ degraded }) => degraded),
    eventsPerSecond: rate(({ events }) => sumWhere(events, (outcome) => outcome !== 'rejected')),
    rejectedEventsPerSecond: rate(({ events }) => events.rejected ?? 0),
    failuresPerSecond: rate(({ failures }) => failures),
    deniedByReason: Object.fromEntries(denied.filter(([, perSecond]) => perSecond > 0)),
    latencyMs: latencyOf(pulses),
  };
}

function latencyOf(pulses: readonly GatewayPulse[]): Traffic['latencyMs'] {
  const counts = [...LATENCY_BOUNDS_SECONDS, Number.POSITIVE_INFINITY].map((_, index) =>
    pulses.reduce((sum, { latency }) => sum + (latency[index] ?? 0), 0),
  );
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((part) => quantileSeconds(counts, part));
  if (p50 === undefined || p95 === undefined || p99 === undefined) return null;
  return { p50: rounded(p50 * 1_000), p95: rounded(p95 * 1_000), p99: rounded(p99 * 1_000) };
}

/**
 * A quantile from counts by bucket, straight within its bucket, as Prometheus's `histogram_quantile`; the last bound
 * where it lies above all. Undefined without counts.
 */
export function quantileSeconds(counts: readonly number[], part: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let below = 0;
  for (const [index, bound] of LATENCY_BOUNDS_SECONDS.entries()) {
    const here = counts[index] ?? 0;
    if (here > 0 && below + here >= total * part) {
      const from = LATENCY_BOUNDS_SECONDS[index - 1] ?? 0;
      return from + ((bound - from) * (total * part - below)) / here;
    }
    below += here;
  }
  return LATENCY_BOUNDS_SECONDS.at(-1);
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
