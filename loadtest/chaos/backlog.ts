import { setTimeout as delay } from 'node:timers/promises';
import { type Spread, spreadOf } from '../report/spread.js';
import { type Drive, Session } from '../scenarios/session.js';

/** What is away: NATS (facts wait in Redis), or sink and ClickHouse in the control process (they wait in JetStream). */
export const AWAY = ['nats', 'control'] as const;
export type Away = (typeof AWAY)[number];

const CONNECTIONS = 64;
/** Of the greatest rate: what goes on all the while. */
const LIVE_SHARE = 0.1;
const FIND_SECONDS = 3;
const POLL_MS = 100;
/** Live facts that are always on their way: reports show a fact within two seconds. */
const ON_THE_WAY_SECONDS = 1;
const DRAIN_MS_MAX = 120_000;
const LAG_MS_MAX = 120_000;
/** Promised: at least, and at most. */
const DRAIN_LEAST = 5;
const P99_MOST = 2;

export interface BacklogOptions {
  /** Of calm, and of load while the backlog drains. */
  readonly seconds: number;
  readonly awaySeconds: number;
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

interface BacklogRound {
  readonly facts: number;
  readonly drainMs: number;
  /** Facts booked a second from the moment of return on ÷ live rate. */
  readonly drain: number;
  /** p99 of checks while it drains ÷ calm. */
  readonly p99: number;
  readonly calmP99Ms: number;
  readonly drainP99Ms: number;
}

/**
 * A constant load of single checks; something behind them is away (SIGSTOP) and comes back: how fast the backlog drains,
 * beside the live rate, and what checks notice of it, beside the calm before. @returns whether the books closed.
 */
export async function backlog(options: BacklogOptions): Promise<boolean> {
  const { rounds, progress } = options;
  const session = await Session.open({ gateways: 1, customers: 1_000, dryQuota: 1 });
  try {
    const ratePerSecond = await liveRate(session);
    progress(`live rate ${ratePerSecond} checks/s, a tenth of the greatest`);
    const drive: Drive = { workload: 'single', connections: CONNECTIONS, ratePerSecond };
    const rows: object[] = [];
    for (const away of AWAY) {
      const found: BacklogRound[] = [];
      for (let round = 1; round <= rounds; round++) {
        found.push(await oneRound(session, drive, ratePerSecond, away, options));
        progress(`${away}, round ${round} of ${rounds}: ${JSON.stringify(found.at(-1))}`);
      }
      rows.push(rowOf(away, found));
    }
    console.table(rows);
    const verdict = await session.ledger.judge(session.target, LAG_MS_MAX);
    console.log(verdict.exact ? 'Every fact is there, once.' : `NOT EXACT: ${JSON.stringify(verdict)}`);
    return verdict.exact;
  } finally {
    await session.close();
  }
}

/** Checks a second; also the warm-up. */
async function liveRate(session: Session): Promise<number> {
  const closed: Drive = { workload: 'single', connections: CONNECTIONS };
  await session.load(closed, { seconds: FIND_SECONDS });
  const { decisions, seconds } = await session.load(closed, { seconds: FIND_SECONDS });
  await session.settle();
  return Math.max(1, Math.round((decisions / seconds) * LIVE_SHARE));
}

async function oneRound(
  session: Session,
  drive: Drive,
  ratePerSecond: number,
  away: Away,
  { seconds, awaySeconds }: BacklogOptions,
): Promise<BacklogRound> {
  const { stack } = session.target;
  const calm = await session.load(drive, { seconds });
  await session.settle();
  const before = await bookedFacts(session);
  const pid = stack.pidOf(away);
  process.kill(pid, 'SIGSTOP');
  let waiting: number;
  try {
    waiting = (await session.load(drive, { seconds: awaySeconds })).charged;
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const backMs = performance.now();
  const booked = async (): Promise<{ facts: number; ms: number }> => {
    for (;;) {
      const facts = (await bookedFacts(session)) - before;
      const ms = performance.now() - backMs;
      const live = ratePerSecond * Math.max(0, Math.min(ms / 1_000, seconds) - ON_THE_WAY_SECONDS);
      if (facts >= waiting + live) return { facts, ms };
      if (ms > DRAIN_MS_MAX) throw new Error(`the backlog of ${away} did not drain: ${facts} of ${waiting} facts`);
      await delay(POLL_MS);
    }
  };
  const [during, drained] = await Promise.all([session.load(drive, { seconds }), booked()]);
  await session.settle();
  return {
    facts: waiting,
    drainMs: Math.round(drained.ms),
    drain: drained.facts / (drained.ms / 1_000) / ratePerSecond,
    p99: during.p99Ms / calm.p99Ms,
    calmP99Ms: calm.p99Ms,
    drainP99Ms: during.p99Ms,
  };
}

/** Rows of facts that the sink has inserted in its life. A control process that was stopped for long answers late. */
async function bookedFacts(session: Session): Promise<number> {
  const response = await fetch(`${session.target.stack.console}/metrics`);
  const text = await response.text();
  const rows = /^weir_sink_rows_total\{[^}]*table="usage_facts"[^}]*\} (\d+)/m.exec(text)?.[1];
  if (rows === undefined) throw new Error('the sink tells no rows');
  return Number(rows);
}

function rowOf(away: Away, rounds: readonly BacklogRound[]): object {
  const spread = (value: (round: BacklogRound) => number): Spread => spreadOf(rounds.map(value));
  const text = ({ median, min, max }: Spread): string => `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
  const [drain, p99] = [spread(({ drain }) => drain), spread(({ p99 }) => p99)];
  return {
    away,
    facts: spread(({ facts }) => facts).median,
    'drained after, s': text(spread(({ drainMs }) => drainMs / 1_000)),
    'drain ÷ live rate': `${text(drain)}, at least ${DRAIN_LEAST}: ${drain.median >= DRAIN_LEAST ? 'yes' : 'no'}`,
    'p99 ÷ calm': `${text(p99)}, at most ${P99_MOST}: ${p99.median <= P99_MOST ? 'yes' : 'no'}`,
  };
}
