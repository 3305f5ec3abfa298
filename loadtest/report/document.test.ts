import { describe, expect, it } from 'vitest';
import { withReport } from './document.js';
import { isExact, promisesOf } from './promises.js';
import type {
  Comparison,
  ManyCustomers,
  MemoryReport,
  OperationsReport,
  PeersReport,
  Report,
  SideReport,
  Verdict,
} from './report.js';
import { terminalReport } from './terminal.js';

const MAIN = '<!-- loadtest: written by "npm run loadtest -- --write-docs" -->';
const END = '<!-- loadtest: end -->';

const spread = (median: number) => ({ median, min: median, max: median });
const verdict: Verdict = {
  admitted: 10,
  charged: 5,
  denied: {},
  refused: 0,
  unknownAmount: 0,
  oddAnswers: [],
  overAdmitted: 0,
  factsAmount: 10,
  customers: 2,
  differences: [],
  differencesCount: 0,
  lagMs: 120,
  exact: true,
};
const side = (name: string, processes: readonly string[]): SideReport => ({
  name,
  requestsPerSecond: spread(100),
  decisionsPerSecond: spread(100),
  p50Ms: spread(1.5),
  p99Ms: spread(2.5),
  cpuMicrosPerDecision: spread(90),
  ownCpuMicrosPerDecision: spread(80),
  servingCpuMicrosPerDecision: spread(70),
  cpuSecondsPerMillion: Object.fromEntries(processes.map((process) => [process, 10])),
  generatorCores: 0.3,
  strangerCores: 0,
  redisCallsPerDecision: 0.05,
  redisMicrosPerDecision: 12,
  drainMs: 250,
});
const STACK = ['gateway-0', 'redis', 'relay', 'generator'];
function comparisonOf(scenario: string, target: Comparison['target'], ceiling: SideReport): Comparison {
  const of = spread(0.5);
  return {
    scenario,
    connections: 64,
    rounds: 3,
    secondsPerRound: 4,
    subject: side('weir', STACK),
    ceiling,
    ratio: { requests: of, decisions: of, p50: of, p99: spread(5), cpu: of, ownCpu: of, servingCpu: spread(1.1) },
    ratePerSecond: scenario === 'open' ? 5_080 : null,
    target,
  };
}
const bare = side('bare', ['bare', 'generator']);
const single = comparisonOf('single', { of: 'decisions', bound: 'least', now: 0.55, soon: 0.7 }, bare);
const open = comparisonOf('open', { of: 'p99', bound: 'most', now: 4, soon: null }, bare);
const memory: MemoryReport = {
  customers: 50_000,
  ids: 1_000_000,
  rows: [{ what: 'a remembered id of an event', bytes: 46.7, target: 48 }],
};
const manyCustomers: ManyCustomers = {
  many: 1_000_000,
  few: 1_000,
  comparison: comparisonOf('customers', { of: 'servingCpu', bound: 'most', now: 1.15, soon: null }, side('few', STACK)),
  verdict,
};
const measure = {
  decisionsPerSecond: spread(9_000),
  p99Ms: spread(8),
  cpuSecondsPerMillion: spread(120),
  cpuSecondsPerMillionByProcess: { server: 90, redis: 30 },
};
const probe = {
  quota: 20_000,
  connections: 64,
  requests: 27_510,
  admitted: 10_000,
  denied: 17_510,
  overAdmitted: 0,
  chargedByDenials: 10_000,
  unknownAmount: 0,
};
const peers: PeersReport = {
  customers: 10_000,
  connections: 64,
  rounds: 3,
  secondsPerRound: 4,
  peers: [
    {
      name: 'counter 1.0.0',
      how: 'behind the bare server',
      many: { ...measure, redisCallsPerDecision: 2 },
      hot: { ...measure, redisCallsPerDecision: null },
      probe,
    },
  ],
  skipped: [{ name: 'Gubernator', reason: 'Go is not installed' }],
  verdict,
};
const operations: OperationsReport = {
  rounds: 3,
  each: 10_000,
  customers: 1_000,
  rows: [{ what: 'check of an entity', micros: spread(18.2), ofCheck: spread(2) }],
};
const nothing: Report = {
  startedAt: '2026-11-24T08:00:00.000Z',
  seconds: 60,
  machine: { cores: 2, cpu: 'CPU', memoryGib: 24, node: '20.0.0', redis: '7.0.15', commit: 'abc', modified: false },
  settings: { gateways: 1, customers: 1_000, rounds: 3, secondsPerRound: 4 },
  comparisons: [],
  promises: [],
  memory: null,
  manyCustomers: null,
  operations: null,
  peers: null,
  alerts: null,
  drawnDry: null,
  verdict: null,
};
const main = (comparisons: Comparison[]): Report => ({ ...nothing, comparisons, memory, verdict });

describe('the document of the figures', () => {
  const document = `# A\n\n${MAIN}\nSTALE\n${END}\n\n# B\n`;

  it('has the report between its markers, over what stood there, and nowhere else', () => {
    const once = withReport(document, main([single]));
    expect(once.startsWith(`# A\n\n${MAIN}\n\nMeasured 2026-11-24 on 2 cores`)).toBe(true);
    expect(once.endsWith(`${END}\n\n# B\n`)).toBe(true);
    expect(once).not.toContain('STALE');
    expect(withReport(once, main([single]))).toBe(once);
    expect(() => withReport(`# A\n${END}\n${MAIN}\n`, main([single]))).toThrow('docs/benchmarks.md');
  });

  it('keeps what a run has not measured: each section is written by those runs alone that measured it', () => {
    const first = withReport(document, main([single]));
    const withPeers = withReport(first, { ...nothing, peers });
    expect(withPeers.startsWith(first.trimEnd())).toBe(true);
    const withMany = withReport(withPeers, { ...nothing, manyCustomers });
    expect(withMany.startsWith(withPeers.trimEnd())).toBe(true);
    const again = withReport(withMany, main([single, open]));
    expect(again).toContain('counter 1.0.0');
    expect(again).toContain('with 1000000 customers and with 1000');
    expect(withReport(again, nothing)).toBe(again);
  });

  it('prints every figure with its target', () => {
    const text = withReport(document, { ...main([single, open]), manyCustomers, operations, peers });
    expect(text).toContain('| decisions/s (target 0.55, soon 0.7) | 100 | 100 | 0.50 |');
    expect(text).toContain('### open, 64 connections, 5 080 arrivals/s (3 rounds of 4 s)');
    expect(text).toContain('| p99, ms (target at most 4) | 2.50 | 2.50 | 5 |');
    expect(text).toContain('| CPU of gateways and Redis, µs each (target at most 1.15) | 70 | 70 | 1.10 |');
    expect(text).toContain('| a remembered id of an event | 46.7 | at most 48 |');
    expect(text).toContain('| counter 1.0.0 | 9 000 | 8 | 120 | 2 | 9 000 | 8 | 120 | 0 | 10 000 |');
    expect(text).toContain('| check of an entity | 18.2 | 2 |');
    expect(text).toContain('- Gubernator was left out: Go is not installed');
    const shown = terminalReport({ ...main([single, open]), manyCustomers, operations, peers });
    expect(shown).toContain('counter 1.0.0');
    expect(shown).toContain('check of an entity');
  });
});

describe('promises', () => {
  it('say of every figure with a target whether it is met, on the side that is meant', () => {
    const found = promisesOf({ comparisons: [single, open, { ...single, target: null }], manyCustomers, memory });
    expect(found.map(({ what, met }) => [what, met])).toEqual([
      ['single: decisions/s, weir ÷ bare', false],
      ['open: p99, weir ÷ bare', false],
      ['customers: CPU of gateways and Redis, weir ÷ few', true],
      ['bytes of Redis: a remembered id of an event', true],
    ]);
  });

  it('have no say in whether a run was exact: only books and quotas do', () => {
    const wrong = { ...verdict, exact: false };
    expect(isExact(nothing)).toBe(true);
    expect(isExact({ ...nothing, comparisons: [single], verdict, manyCustomers, peers })).toBe(true);
    expect(isExact({ ...nothing, verdict: wrong })).toBe(false);
    expect(isExact({ ...nothing, manyCustomers: { ...manyCustomers, verdict: wrong } })).toBe(false);
    expect(isExact({ ...nothing, peers: { ...peers, verdict: wrong } })).toBe(false);
    const told = { load: 'half', decisionsPerSecond: 9, crossings: 9, missing: 0, doubled: 0, repeated: 1 } as const;
    const alerts = { connections: 1, crossingsPerSecond: 1, seconds: 9 };
    const measured = { ...told, strangerCores: 0, p50Ms: 1, p99Ms: 1, maxMs: 1 };
    expect(isExact({ ...nothing, alerts: { ...alerts, measured: [measured] } })).toBe(true);
    expect(isExact({ ...nothing, alerts: { ...alerts, measured: [{ ...measured, missing: 1 }] } })).toBe(false);
    const drawnDry = { quota: 10, connections: 1, requests: 20, seconds: 1, admitted: 9, denied: {} };
    expect(isExact({ ...nothing, drawnDry })).toBe(false);
  });
});
