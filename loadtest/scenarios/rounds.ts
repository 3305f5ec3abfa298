import type { Ratios, SideReport } from '../report/report.js';
import { type Spread, spreadOf } from '../report/spread.js';
import { type CpuSeconds, cpuBetween, machineCpuSeconds, readCpu, totalOf, type WatchedProcess } from './cpu.js';
import type { Measured } from './job.js';
import type { RedisCounts, RedisMeter } from './redis-meter.js';

/** Name of the load generator among a side's processes. */
export const GENERATOR = 'generator';
/** Processes that a check waits for: gateways, their Redis, and what stands in their place. */
const SERVING = /^(?:gateway-\d+|redis|bare|script)$/;

/** One of two things that are measured in turns. */
export interface Side {
  /** `weir`, or the ceiling's. */
  readonly name: string;
  /** Everything that works for it, whatever makes the load included. */
  readonly processes: readonly WatchedProcess[];
  /** Of the Redis it asks, or one that nobody asks meanwhile. */
  readonly meter: RedisMeter;
  /** Of the load generator among them; a baseline that makes its own load has none. */
  readonly generator: string | null;
  run(seconds: number): Promise<Measured>;
  /** Resolves when nothing of the round is left to do: how long it took, ms, or null past the bound. */
  settle(): Promise<number | null>;
}

/** One round of one side. */
export interface Round {
  readonly measured: Measured;
  /** Until settled. */
  readonly cpu: CpuSeconds;
  /** While the load ran. */
  readonly generatorCores: number;
  readonly strangerCores: number;
  readonly drainMs: number | null;
  readonly redis: RedisCounts;
}

/** Runs one round, and waits until the side is at rest again. @throws Error where nothing was decided. */
export async function runRound(side: Side, seconds: number): Promise<Round> {
  const own: WatchedProcess = { name: 'this', pid: () => process.pid };
  const watched = [...side.processes, own];
  const redisBefore = await side.meter.counts();
  const cpuBefore = readCpu(watched);
  const machineBefore = machineCpuSeconds();
  const startedMs = performance.now();
  const measured = await side.run(seconds);
  if (measured.decisions === 0) throw new Error(`${side.name} decided nothing within ${seconds} s`);
  const cpuAfter = cpuBetween(cpuBefore, readCpu(watched));
  const machine = machineCpuSeconds() - machineBefore;
  const elapsedSeconds = (performance.now() - startedMs) / 1_000;
  const drainMs = await side.settle();
  const redisAfter = await side.meter.counts();
  return {
    measured,
    cpu: cpuBetween(cpuBefore, readCpu(side.processes)),
    generatorCores: side.generator === null ? 0 : (cpuAfter[side.generator] ?? 0) / elapsedSeconds,
    strangerCores: Math.max(0, machine - totalOf(cpuAfter)) / elapsedSeconds,
    drainMs,
    redis: {
      functionCalls: redisAfter.functionCalls - redisBefore.functionCalls,
      functionMicros: redisAfter.functionMicros - redisBefore.functionMicros,
      commandCalls: redisAfter.commandCalls - redisBefore.commandCalls,
    },
  };
}

/** Median, least and most of a side's rounds; CPU and Redis over all of them together. */
export function sideReport(side: Side, rounds: readonly Round[]): SideReport {
  const spread = (value: (round: Round) => number): Spread => spreadOf(rounds.map(value));
  const decisions = rounds.reduce((sum, { measured }) => sum + measured.decisions, 0);
  const total = (value: (round: Round) => number): number => rounds.reduce((sum, round) => sum + value(round), 0);
  const perDecision = (value: number): number => value / decisions;
  const drains = rounds.map((round) => round.drainMs);
  return {
    name: side.name,
    requestsPerSecond: spread(({ measured }) => measured.requests / measured.seconds),
    decisionsPerSecond: spread(decisionsPerSecond),
    p50Ms: spread(({ measured }) => measured.p50Ms),
    p99Ms: spread(({ measured }) => measured.p99Ms),
    cpuMicrosPerDecision: spread(cpuMicrosPerDecision),
    ownCpuMicrosPerDecision: spread(ownCpuMicros),
    servingCpuMicrosPerDecision: spread(servingCpuMicros),
    cpuSecondsPerMillion: Object.fromEntries(
      side.processes.map(({ name }) => [name, perDecision(total(({ cpu }) => cpu[name] ?? 0)) * 1_000_000]),
    ),
    generatorCores: spread(({ generatorCores }) => generatorCores).median,
    strangerCores: spread(({ strangerCores }) => strangerCores).median,
    redisCallsPerDecision: perDecision(total(({ redis }) => redis.functionCalls)),
    redisMicrosPerDecision: perDecision(total(({ redis }) => redis.functionMicros)),
    drainMs: drains.includes(null) ? null : Math.max(...drains.map((drainMs) => drainMs ?? 0)),
  };
}

/** Of all processes together: where everything shares the same cores, its inverse is what limits the rate. */
const cpuMicrosPerDecision = ({ cpu, measured }: Round): number => (totalOf(cpu) / measured.decisions) * 1_000_000;

/** Of some of a round's processes. */
const cpuMicrosOf =
  (isCounted: (name: string) => boolean) =>
  ({ cpu, measured }: Round): number => {
    const counted = Object.entries(cpu).filter(([name]) => isCounted(name));
    return (totalOf(Object.fromEntries(counted)) / measured.decisions) * 1_000_000;
  };

const ownCpuMicros = cpuMicrosOf((name) => name !== GENERATOR);
const servingCpuMicros = cpuMicrosOf((name) => SERVING.test(name));

const decisionsPerSecond = ({ measured }: Round): number => measured.decisions / measured.seconds;

/** Ratios of rounds that ran one right after the other, so that a slow drift of the machine meets both sides. */
export function ratiosOf(subject: readonly Round[], ceiling: readonly Round[]): Ratios {
  const ratio = (value: (round: Round) => number): Spread =>
    spreadOf(
      subject.flatMap((round, index) => {
        const beside = ceiling[index];
        return beside === undefined ? [] : [value(round) / value(beside)];
      }),
    );
  return {
    requests: ratio(({ measured }) => measured.requests / measured.seconds),
    decisions: ratio(decisionsPerSecond),
    p50: ratio(({ measured }) => measured.p50Ms),
    p99: ratio(({ measured }) => measured.p99Ms),
    cpu: ratio(cpuMicrosPerDecision),
    ownCpu: ratio(ownCpuMicros),
    servingCpu: ratio(servingCpuMicros),
  };
}
