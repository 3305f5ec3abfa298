import type { Comparison, DrawnDry, Target } from '../report/report.js';
import { type Round, ratiosOf, runRound, type Side, sideReport } from './rounds.js';
import type { Drive, Session } from './session.js';

/** Scenarios that are measured beside a ceiling on one stack. */
export const MEASUREMENTS = ['single', 'batch', 'reserve', 'ingest', 'open'] as const;
export type Measurement = (typeof MEASUREMENTS)[number];

interface Plan {
  readonly connections: number;
  /** Further counts of connections, measured more briefly. */
  readonly sweep: readonly number[];
  /** `single`: the stack itself under single checks. */
  readonly ceiling: 'bare' | 'script' | 'single';
  readonly target: Target | null;
}

const decisions = { of: 'decisions', bound: 'least' } as const;

export const PLANS: Readonly<Record<Measurement, Plan>> = {
  // As many as a small fleet of API servers keeps open; with fewer, client, gateway and Redis wait for each other.
  single: {
    connections: 128,
    sweep: [1, 16, 64, 256],
    ceiling: 'bare',
    target: { ...decisions, now: 0.55, soon: 0.7 },
  },
  batch: { connections: 8, sweep: [], ceiling: 'script', target: { ...decisions, now: 0.5, soon: 0.65 } },
  reserve: { connections: 64, sweep: [], ceiling: 'single', target: { ...decisions, now: 0.45, soon: null } },
  ingest: { connections: 4, sweep: [], ceiling: 'bare', target: null },
  open: {
    connections: 64,
    sweep: [],
    ceiling: 'bare',
    target: { of: 'p99', bound: 'most', now: 4, soon: null },
  },
};

const WARM_UP_SECONDS_MAX = 3;
/** Of the greatest rate: where an open loop arrives. */
const OPEN_SHARE = 0.5;

export interface Extents {
  readonly rounds: number;
  /** Of each round of each side. */
  readonly seconds: number;
  /** Tells people what is going on; a line each. */
  readonly progress: (text: string) => void;
}

/** Measures a scenario beside its ceiling. */
export async function measure(
  session: Session,
  scenario: Measurement,
  connections: number,
  extents: Extents,
): Promise<Comparison> {
  const plan = PLANS[scenario];
  const target = connections === plan.connections ? plan.target : null;
  if (scenario === 'open') {
    const drive = await openDrive(session, connections, extents);
    const sides = { subject: session.weirSide(drive), ceiling: await session.bareSide(drive) };
    return compare({ scenario, drive, target, ...sides }, extents);
  }
  // Both sides of a pairing have the same generator.
  const drive: Drive = { workload: scenario, connections, lean: scenario === 'reserve' };
  const subject = session.weirSide(drive);
  const ceiling = await ceilingOf(session, plan, drive);
  return compare({ scenario, drive, target, subject, ceiling }, extents);
}

function ceilingOf(session: Session, { ceiling }: Plan, drive: Drive): Side | Promise<Side> {
  switch (ceiling) {
    case 'bare':
      return session.bareSide(drive);
    case 'script':
      return session.scriptSide();
    case 'single':
      return session.weirSide({ ...drive, workload: 'single' }, 'single');
  }
}

/** Single checks at half of the greatest rate, which a round of the same connections has found just before. */
export async function openDrive(session: Session, connections: number, extents: Extents): Promise<Drive> {
  const { seconds, progress } = extents;
  const drive: Drive = { workload: 'single', connections };
  const closed = session.weirSide(drive);
  await warmUp(closed, Math.min(seconds, WARM_UP_SECONDS_MAX));
  const measured = await closed.run(seconds);
  await closed.settle();
  const ratePerSecond = Math.max(1, Math.round((measured.decisions / measured.seconds) * OPEN_SHARE));
  progress(`open loop: at ${ratePerSecond} a second, half of the greatest rate`);
  return { ...drive, ratePerSecond };
}

export interface Pairing {
  readonly scenario: string;
  readonly drive: Drive;
  readonly target: Target | null;
  readonly subject: Side;
  readonly ceiling: Side;
}

/** Measures a subject and its ceiling in turns, after a warm-up of both. */
export async function compare(pairing: Pairing, extents: Extents): Promise<Comparison> {
  const { scenario, drive, target, subject, ceiling } = pairing;
  const { rounds, seconds, progress } = extents;
  const { connections } = drive;
  const title = `${scenario}, ${connections} connection${connections === 1 ? '' : 's'}`;
  progress(`${title}: warming up`);
  for (const side of [ceiling, subject]) await warmUp(side, Math.min(seconds, WARM_UP_SECONDS_MAX));
  const subjectRounds: Round[] = [];
  const ceilingRounds: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    ceilingRounds.push(await runRound(ceiling, seconds));
    subjectRounds.push(await runRound(subject, seconds));
    progress(`${title}: round ${round} of ${rounds}: ${told(ceiling, ceilingRounds)}, ${told(subject, subjectRounds)}`);
  }
  return {
    scenario,
    connections,
    rounds,
    secondsPerRound: seconds,
    subject: sideReport(subject, subjectRounds),
    ceiling: sideReport(ceiling, ceilingRounds),
    ratio: ratiosOf(subjectRounds, ceilingRounds),
    ratePerSecond: drive.ratePerSecond ?? null,
    target,
  };
}

async function warmUp(side: Side, seconds: number): Promise<void> {
  await side.run(seconds);
  await side.settle();
}

function told({ name }: Side, rounds: readonly Round[]): string {
  const round = rounds.at(-1);
  if (round === undefined) return name;
  const { measured, drainMs } = round;
  const unsettled = drainMs === null ? ' (still at work long after: the next rounds pay for it)' : '';
  return `${name} ${Math.round(measured.decisions / measured.seconds)} decisions/s${unsettled}`;
}

/** Many connections draw one customer's quota dry, with as many requests again after it. */
export async function drawDry(session: Session, connections: number): Promise<DrawnDry> {
  const { dry, dryQuota } = session.target.catalog;
  const requests = 2 * dryQuota;
  const result = await session.load({ workload: 'exact', connections }, { requests });
  return {
    quota: dryQuota,
    connections,
    requests,
    seconds: result.seconds,
    admitted: result.admitted[dry] ?? 0,
    denied: result.denied,
  };
}
