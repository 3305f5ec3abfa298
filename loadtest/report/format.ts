import type { Comparison, DrawnDry, Machine, Report, SideReport, Verdict } from './report.js';
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

/** `single, 64 connections (3 rounds of 4 s)`. */
export function titleOf({ scenario, connections, rounds, secondsPerRound }: Comparison): string {
  return `${scenario}, ${plural(connections, 'connection')} (${plural(rounds, 'round')} of ${secondsPerRound} s)`;
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Rows of the table: measure, subject, ceiling, ratio. */
export function comparisonRows({ subject, ceiling, ratio, target, scenario }: Comparison): string[][] {
  const row = (name: string, of: (side: SideReport) => Spread, over: Spread | undefined): string[] => [
    name,
    spreadText(of(subject)),
    ceiling === null ? '' : spreadText(of(ceiling)),
    over === undefined ? '' : spreadText(over),
  ];
  const promised = target === null ? '' : ` (target ${target.now}, soon ${target.soon})`;
  const decided = scenario === 'ingest' ? 'events/s' : 'decisions/s';
  const rows = [
    row('requests/s', (side) => side.requestsPerSecond, ratio?.requests),
    row(`${decided}${promised}`, (side) => side.decisionsPerSecond, ratio?.decisions),
    row('p50, ms', (side) => side.p50Ms, ratio?.p50),
    row('p99, ms', (side) => side.p99Ms, ratio?.p99),
    row('CPU of all, µs each', (side) => side.cpuMicrosPerDecision, ratio?.cpu),
  ];
  // One decision a request: the same line twice.
  return scenario === 'single' ? rows.slice(1) : rows;
}

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
  return `autocannon kept ${figure(subject.generatorCores)} cores busy${limits(subject)}${beside}`;
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
    'medians (least–most) over rounds, subject and ceiling in turns; the load comes from autocannon in one process, ' +
    'one request at a time on each connection, and shares the cores with what it measures on both sides'
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
