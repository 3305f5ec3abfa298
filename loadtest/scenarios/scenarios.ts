import type { Comparison, DrawnDry } from '../report/report.js';
import type { Workload } from './job.js';
import { type Round, ratiosOf, runRound, type Side, sideReport } from './rounds.js';
import type { Session } from './session.js';

/** Scenarios that are measured beside a ceiling; `exact` only counts. */
export type Measurement = Exclude<Workload, 'exact'>;

interface Plan {
  readonly connections: number;
  /** Further counts of connections, measured more briefly. */
  readonly sweep: readonly number[];
  readonly ceiling: 'bare' | 'script';
  readonly target: Comparison['target'];
}

export const PLANS: Readonly<Record<Measurement, Plan>> = {
  single: { connections: 64, sweep: [1, 16, 256], ceiling: 'bare', target: { now: 0.55, soon: 0.7 } },
  batch: { connections: 8, sweep: [], ceiling: 'script', target: { now: 0.5, soon: 0.65 } },
  ingest: { connections: 4, sweep: [], ceiling: 'bare', target: null },
};

const WARM_UP_SECONDS_MAX = 3;

export interface Extents {
  readonly rounds: number;
  /** Of each round of each side. */
  readonly seconds: number;
  /** Tells people what is going on; a line each. */
  readonly progress: (text: string) => void;
}

/** Measures a scenario beside its ceiling, in turns after a warm-up of both. */
export async function measure(
  session: Session,
  scenario: Measurement,
  connections: number,
  extents: Extents,
): Promise<Comparison> {
  const { rounds, seconds, progress } = extents;
  const plan = PLANS[scenario];
  const title = `${scenario}, ${connections} connection${connections === 1 ? '' : 's'}`;
  progress(`${title}: warming up`);
  const subject = session.weirSide(scenario, connections);
  const ceiling = plan.ceiling === 'bare' ? await session.bareSide(scenario, connections) : session.scriptSide();
  for (const side of [ceiling, subject]) await warmUp(side, Math.min(seconds, WARM_UP_SECONDS_MAX));
  const subjectRounds: Round[] = [];
  const ceilingRounds: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    ceilingRounds.push(await runRound(ceiling, seconds, session.meter));
    subjectRounds.push(await runRound(subject, seconds, session.meter));
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
    target: connections === plan.connections ? plan.target : null,
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
  const result = await session.load('exact', connections, { requests });
  return {
    quota: dryQuota,
    connections,
    requests,
    seconds: result.seconds,
    admitted: result.admitted[dry] ?? 0,
    denied: result.denied,
  };
}
