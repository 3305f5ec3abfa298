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
  /** Every promised figure beside what was measured, of all that was run. */
  readonly promises: readonly Promised[];
  /** null where the scenario was not run. */
  readonly memory: MemoryReport | null;
  /** null where the scenario was not run. */
  readonly manyCustomers: ManyCustomers | null;
  readonly operations: OperationsReport | null;
  /** null where the scenario was not run. */
  readonly peers: PeersReport | null;
  /** null where the scenario was not run. */
  readonly alerts: AlertsReport | null;
  /** null where the scenario was not run. */
  readonly drawnDry: DrawnDry | null;
  /** null where nothing was put on the stack of `settings`. */
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
  /** Arrivals a second of an open loop; null: each connection sends when it has its answer. */
  readonly ratePerSecond: number | null;
  /** null where nothing is promised. */
  readonly target: Target | null;
}

/** What a ratio is meant to be. */
export interface Target {
  readonly of: 'decisions' | 'p99' | 'servingCpu';
  readonly bound: 'least' | 'most';
  readonly now: number;
  /** null: there is no further aim. */
  readonly soon: number | null;
}

/** A promised figure. */
export interface Promised {
  /** Such as `single: decisions/s ÷ bare`. */
  readonly what: string;
  readonly measured: Spread;
  readonly target: Omit<Target, 'of'>;
  readonly met: boolean;
}

/** Memory of a Redis, bytes for each. */
export interface MemoryReport {
  /** Customers with three limits, and ids of each kind, that were measured. */
  readonly customers: number;
  readonly ids: number;
  readonly rows: readonly MemoryRow[];
}

export interface MemoryRow {
  readonly what: string;
  readonly bytes: number;
  /** At most; null where nothing is promised. */
  readonly target: number | null;
}

/** What each kind of operation costs Redis. */
export interface OperationsReport {
  readonly rounds: number;
  /** Of each kind in a round. */
  readonly each: number;
  readonly customers: number;
  /** The plain check is the first. */
  readonly rows: readonly OperationRow[];
}

export interface OperationRow {
  readonly what: string;
  /** µs inside Redis's function; of a reservation and its settlement, of both. */
  readonly micros: Spread;
  readonly ofCheck: Spread;
}

/** A check with very many customers beside one with few, each on a stack of its own. */
export interface ManyCustomers {
  readonly many: number;
  readonly few: number;
  readonly comparison: Comparison;
  /** Of the stack with many. */
  readonly verdict: Verdict;
}

/** Other limiters under the same checks. */
export interface PeersReport {
  readonly customers: number;
  readonly connections: number;
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly peers: readonly PeerReport[];
  /** Those that could not be started, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Of the stack among them. */
  readonly verdict: Verdict;
}

export interface PeerReport {
  /** With its version. */
  readonly name: string;
  /** How it was asked and set. */
  readonly how: string;
  readonly many: PeerMeasure;
  /** One customer under all connections. */
  readonly hot: PeerMeasure;
  readonly probe: PeerProbe;
}

export interface PeerMeasure {
  readonly decisionsPerSecond: Spread;
  readonly p99Ms: Spread;
  /** CPU seconds per million decisions of all that works for it, without the load generator. */
  readonly cpuSecondsPerMillion: Spread;
  readonly cpuSecondsPerMillionByProcess: Readonly<Record<string, number>>;
  /** Scripts and functions, else commands, for one decision; null: it keeps its state elsewhere. */
  readonly redisCallsPerDecision: number | null;
}

/** A quota drawn dry, with denials on the way. */
export interface PeerProbe {
  readonly quota: number;
  readonly connections: number;
  readonly requests: number;
  readonly admitted: number;
  readonly denied: number;
  /** Amount admitted past the quota. */
  readonly overAdmitted: number;
  /** Amount of the quota that nobody was admitted to: it was charged by what was denied. */
  readonly chargedByDenials: number;
  /** Amount whose fate the clients were not told. */
  readonly unknownAmount: number;
}

export interface Ratios {
  readonly requests: Spread;
  readonly decisions: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  readonly cpu: Spread;
  readonly ownCpu: Spread;
  readonly servingCpu: Spread;
}

export interface SideReport {
  readonly name: string;
  readonly requestsPerSecond: Spread;
  /** Checks, events, or pairs of a hold and its commit. */
  readonly decisionsPerSecond: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** CPU of all processes together, the load generator's too. */
  readonly cpuMicrosPerDecision: Spread;
  /** The same without the load generator. */
  readonly ownCpuMicrosPerDecision: Spread;
  /** The same of gateways and their Redis alone: what a check waits for. */
  readonly servingCpuMicrosPerDecision: Spread;
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

/** How soon and how often crossings are told by webhook while checks go on. */
export interface AlertsReport {
  /** Of the checks. */
  readonly connections: number;
  readonly crossingsPerSecond: number;
  readonly seconds: number;
  readonly measured: readonly AlertsMeasure[];
}

export interface AlertsMeasure {
  /** Checks at half of their greatest rate, or as fast as they go. */
  readonly load: 'half' | 'full';
  /** Of the checks beside the crossings. */
  readonly decisionsPerSecond: number;
  /** As of a side's. */
  readonly strangerCores: number;
  readonly crossings: number;
  /** Crossings that nobody was told of, within the bound. */
  readonly missing: number;
  /** Crossings that were told as several alerts. */
  readonly doubled: number;
  /** Requests that repeated an alert, under its id. */
  readonly repeated: number;
  /** From the check until its webhook was received. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}
