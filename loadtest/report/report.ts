import type { Spread } from './spread.js';

/** What a run of the load test has found, as `--json` saves it. */
export interface Report {
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly settings: {
    readonly gateways: number;
    readonly customers: number;
    readonly rounds: number;
    readonly secondsPerRound: number;
  };
  readonly comparisons: readonly Comparison[];
  /** null where the scenario was not run. */
  readonly drawnDry: DrawnDry | null;
  /** null where the run ended before it could be told. */
  readonly verdict: Verdict | null;
}

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGib: number;
  readonly node: string;
  readonly redis: string;
  /** Of this program; null outside of a checkout. */
  readonly commit: string | null;
  /** True where the checkout differs from the commit. */
  readonly modified: boolean;
}

/** A subject beside its ceiling, measured in turns. */
export interface Comparison {
  readonly scenario: string;
  readonly connections: number;
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly subject: SideReport;
  /** null for a scenario without a ceiling. */
  readonly ceiling: SideReport | null;
  /** Subject ÷ ceiling, round by round; null without a ceiling. */
  readonly ratio: Ratios | null;
  /** What `ratio.decisions` is meant to be; null where nothing is promised. */
  readonly target: { readonly now: number; readonly soon: number } | null;
}

export interface Ratios {
  readonly requests: Spread;
  readonly decisions: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  readonly cpu: Spread;
}

export interface SideReport {
  readonly name: string;
  readonly requestsPerSecond: Spread;
  /** Checks or events. */
  readonly decisionsPerSecond: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** CPU of all processes together, the load generator's too. */
  readonly cpuMicrosPerDecision: Spread;
  /** CPU seconds per million decisions by process, until all they caused was done. */
  readonly cpuSecondsPerMillion: Readonly<Record<string, number>>;
  /** Cores that the load generator kept busy while it ran; near 1.0 it is what limits the rate. */
  readonly generatorCores: number;
  /**
   * Cores that were busy for nothing of this run: other programs, short-lived ones too, and on a virtual machine the
   * time that its host withheld without saying so.
   */
  readonly strangerCores: number;
  /** Calls of Redis functions for one decision, and the time inside them, µs. */
  readonly redisCallsPerDecision: number;
  readonly redisMicrosPerDecision: number;
  /** Longest time until all was at rest after a round, ms; null: not within the bound. */
  readonly drainMs: number | null;
}

/** What became of a quota that many clients drew dry. */
export interface DrawnDry {
  readonly quota: number;
  readonly connections: number;
  readonly requests: number;
  readonly seconds: number;
  readonly admitted: number;
  /** Checks that were denied, by reason. */
  readonly denied: Readonly<Record<string, number>>;
}

export interface Verdict {
  /** Amount that clients were told is admitted. */
  readonly admitted: number;
  /** Checks and events that were charged. */
  readonly charged: number;
  readonly denied: Readonly<Record<string, number>>;
  readonly refused: number;
  /** Amount whose fate the clients were not told. */
  readonly unknownAmount: number;
  readonly oddAnswers: readonly string[];
  /** Amount past a quota, over all customers. */
  readonly overAdmitted: number;
  /** Amount of all facts in ClickHouse. */
  readonly factsAmount: number;
  readonly customers: number;
  /** Customers whose facts are not what was admitted; the first few. */
  readonly differences: readonly Difference[];
  readonly differencesCount: number;
  /** From the last answer until the facts were all there, ms; null: they never were, within the bound. */
  readonly lagMs: number | null;
  readonly exact: boolean;
}

export interface Difference {
  readonly customer: string;
  readonly admitted: number;
  readonly facts: number;
}
