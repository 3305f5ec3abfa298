import type {
  Comparison,
  DrawnDry,
  Machine,
  MemoryReport,
  Promised,
  Report,
  SideReport,
  Target,
  Verdict,
} from './report.js';
import type { Spread } from './spread.js';

/** Words and figures that the terminal's report and the document share. */

/** `25 310`, with a thin gap every three digits; small figures keep what matters. */
export function figure(value: number): string {
  if (!Number.isInteger(value) && Math.abs(value) < 10) return value.toFixed(2);
  if (!Number.isInteger(value) && Math.abs(value) < 100) return value.toFixed(1);
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `25 310 (24 002–26 118)`. */
export const spreadText = ({ median, min, max }: Spread): string =>
  min === max ? figure(median) : `${figure(median)} (${figure(min)}–${figure(max)})`;

/** `single, 64 connections (3 rounds of 4 s)`, with the rate of an open loop. */
export function titleOf({ scenario, connections, ratePerSecond, rounds, secondsPerRound }: Comparison): string {
  const rate = ratePerSecond === null ? '' : `, ${figure(ratePerSecond)} arrivals/s`;
  return `${scenario}, ${plural(connections, 'connection')}${rate} (${plural(rounds, 'round')} of ${secondsPerRound} s)`;
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Rows of the table: measure, subject, ceiling, ratio. */
export function comparisonRows({ subject, ceiling, ratio, target, scenario }: Comparison): string[][] {
  const row = (name: string, of: (side: SideReport) => Spread, over: Spread | undefined): string[] => [
    name,
    spreadText(of(subject)),
    ceiling === null ? '' : spreadText(of(ceiling)),
    over === undefined ? '' : spreadText(over),
  ];
  const promised = (of: Target['of']) => (target?.of === of ? ` (target ${targetText(target)})` : '');
  const decided = DECIDED[scenario] ?? 'decisions/s';
  const requests = row('requests/s', (side) => side.requestsPerSecond, ratio?.requests);
  const own = row('CPU of Weir, µs each', (side) => side.ownCpuMicrosPerDecision, ratio?.ownCpu);
  const serving = `CPU of gateways and Redis, µs each${promised('servingCpu')}`;
  const isStack = (side: SideReport | null) => side?.cpuSecondsPerMillion.relay !== undefined;
  return [
    // Where each request is a decision, the same line twice.
    ...(ONE_EACH.has(scenario) ? [] : [requests]),
    row(`${decided}${promised('decisions')}`, (side) => side.decisionsPerSecond, ratio?.decisions),
    row('p50, ms', (side) => side.p50Ms, ratio?.p50),
    row(`p99, ms${promised('p99')}`, (side) => side.p99Ms, ratio?.p99),
    row('CPU of all, µs each', (side) => side.cpuMicrosPerDecision, ratio?.cpu),
    // Beside another stack; a bare server has no such parts.
    ...(isStack(subject) && isStack(ceiling)
      ? [own, row(serving, (side) => side.servingCpuMicrosPerDecision, ratio?.servingCpu)]
      : []),
  ];
}

const DECIDED: Readonly<Record<string, string>> = { ingest: 'events/s', reserve: 'decisions/s, a pair is one' };
const ONE_EACH: ReadonlySet<string> = new Set(['single', 'open', 'customers']);

/** `0.55, soon 0.7`, `at most 4`. */
export function targetText({ bound, now, soon }: Promised['target']): string {
  return `${bound === 'most' ? 'at most ' : ''}${now}${soon === null ? '' : `, soon ${soon}`}`;
}

/** Figure, what was measured, target, and whether it is met. */
export function promisedRows(promises: readonly Promised[]): string[][] {
  return promises.map(({ what, measured, target, met }) => [
    what,
    spreadText(measured),
    targetText(target),
    met ? 'yes' : 'no',
  ]);
}

export const PROMISED_HEAD = ['', 'measured', 'target', 'met'];

export const memoryRows = ({ rows }: MemoryReport): string[][] =>
  rows.map(({ what, bytes, target }) => [what, figure(bytes), target === null ? '' : `at most ${target}`]);

export const memoryTitle = ({ customers, ids }: MemoryReport): string =>
  `memory, bytes of Redis, of ${figure(customers)} customers and ${figure(ids)} ids of each kind`;

/** `gateway-0 12.1, redis 6.0 …`. */
export function cpuText(side: SideReport): string {
  const parts = Object.entries(side.cpuSecondsPerMillion).map(([name, seconds]) => `${name} ${figure(seconds)}`);
  return `${parts.join(', ')}`;
}

export function redisText(side: SideReport): string {
  return `${figure(side.redisCallsPerDecision)} calls and ${figure(side.redisMicrosPerDecision)} µs per decision`;
}

export function drainText(side: SideReport): string {
  return side.drainMs === null ? 'not at rest within the bound' : `at rest ${figure(side.drainMs / 1_000)} s after`;
}

/** A generator that is busy this much of a core is what limits the rate. */
const GENERATOR_CORES_FULL = 0.9;
/** With strangers this busy the rates say more about them. */
const STRANGER_CORES_MAX = 0.25;

/** What the load generator's own share means for the figures. */
export function generatorText({ subject, ceiling }: Comparison): string {
  const limits = (side: SideReport) => (side.generatorCores >= GENERATOR_CORES_FULL ? ', which limits the rate' : '');
  const beside =
    ceiling === null || ceiling.generatorCores === 0
      ? ''
      : `; beside ${ceiling.name} ${figure(ceiling.generatorCores)}${limits(ceiling)}`;
  return `the load generator kept ${figure(subject.generatorCores)} cores busy${limits(subject)}${beside}`;
}

export function strangersText({ subject, ceiling }: Comparison): string {
  const beside = ceiling === null ? '' : ` (${ceiling.name}: ${figure(ceiling.strangerCores)})`;
  const most = Math.max(subject.strangerCores, ceiling?.strangerCores ?? 0);
  const caution = most > STRANGER_CORES_MAX ? ': these rates are not to be relied on' : '';
  return `other programs, or a host that withholds its cores, took ${figure(subject.strangerCores)}${beside} of them meanwhile${caution}`;
}

export function machineText(machine: Machine): string {
  const commit =
    machine.commit === null ? 'no commit' : `commit ${machine.commit}${machine.modified ? ' with changes' : ''}`;
  return `${machine.cores} cores (${machine.cpu}), ${machine.memoryGib} GiB, Node ${machine.node}, Redis ${machine.redis}, ${commit}`;
}

export function settingsText({ settings }: Report): string {
  const { gateways, customers } = settings;
  return (
    `${plural(gateways, 'gateway')}, ${plural(customers, 'customer')} of one plan with a bucket and a monthly quota; ` +
    'medians (least–most) over rounds, subject and ceiling in turns; the load comes from one process, which shares the ' +
    'cores with what it measures on both sides: one request at a time on each connection, by autocannon where requests repeat; in an open loop ' +
    'arrivals at a constant rate, sent each millisecond, each latency counted from when its check was due'
  );
}

const counts = (denied: Readonly<Record<string, number>>): string => {
  const parts = Object.entries(denied).map(([reason, count]) => `${figure(count)} ${reason}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
};

/** One line on a quota drawn dry. */
export function drawnDryText({ quota, connections, requests, seconds, admitted, denied }: DrawnDry): string {
  return (
    `${connections} connections drew one quota of ${figure(quota)} dry by ${figure(requests)} checks in ${figure(seconds)} s: ` +
    `${figure(admitted)} admitted, denied: ${counts(denied)}`
  );
}

/** Name and value of each line of the verdict. */
export function verdictRows(verdict: Verdict): string[][] {
  const rows = [
    ['admitted', `${figure(verdict.admitted)} in ${figure(verdict.charged)} checks and events`],
    ['denied', counts(verdict.denied)],
    ['over-admitted', figure(verdict.overAdmitted)],
    ['facts in ClickHouse', `${figure(verdict.factsAmount)}, of ${figure(verdict.customers)} customers`],
    ['customers whose facts differ', figure(verdict.differencesCount)],
    [
      'lag',
      verdict.lagMs === null
        ? 'the facts never were complete'
        : `${figure(verdict.lagMs / 1_000)} s after the last answer`,
    ],
  ];
  if (verdict.refused > 0) rows.push(['refused', figure(verdict.refused)]);
  if (verdict.unknownAmount > 0) rows.push(['amount of unknown fate', figure(verdict.unknownAmount)]);
  return rows;
}
