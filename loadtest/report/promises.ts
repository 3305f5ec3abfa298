import { ALERT_P99_MS_MAX, isToldOnce } from './alerts.js';
import type { Comparison, Promised, Report, Target } from './report.js';
import { type Spread, spreadOf } from './spread.js';

type Found = Pick<Report, 'comparisons' | 'manyCustomers' | 'memory'> & Partial<Pick<Report, 'alerts'>>;

/** What each target is a ratio of, by the names of both sides. */
const MEASURES: Readonly<Record<Target['of'], string>> = {
  decisions: 'decisions/s',
  p99: 'p99',
  servingCpu: 'CPU of gateways and Redis',
};

/** Every promised figure of a run. */
export function promisesOf({ comparisons, manyCustomers, memory, alerts }: Found): Promised[] {
  const measured = [...comparisons, ...(manyCustomers === null ? [] : [manyCustomers.comparison])];
  const ratios = measured.flatMap((comparison) => promiseOf(comparison) ?? []);
  const sizes = (memory?.rows ?? []).flatMap(({ what, bytes, target }) =>
    target === null
      ? []
      : [promised(`bytes of Redis: ${what}`, spreadOf([bytes]), { bound: 'most', now: target, soon: null })],
  );
  const told = (alerts?.measured ?? []).flatMap(({ load, p99Ms }) => {
    const target = { bound: 'most', now: ALERT_P99_MS_MAX, soon: null } as const;
    return load === 'half' ? [promised('alerts: p99 from charge to webhook, ms', spreadOf([p99Ms]), target)] : [];
  });
  return [...ratios, ...sizes, ...told];
}

function promiseOf({ scenario, subject, ceiling, ratio, target }: Comparison): Promised | undefined {
  if (target === null || ratio === null || ceiling === null) return undefined;
  const { of, ...bounds } = target;
  return promised(`${scenario}: ${MEASURES[of]}, ${subject.name} ÷ ${ceiling.name}`, ratio[of], bounds);
}

function promised(what: string, measured: Spread, target: Promised['target']): Promised {
  const met = target.bound === 'least' ? measured.median >= target.now : measured.median <= target.now;
  return { what, measured, target, met };
}

/** Whether nothing was admitted past a quota, nor less, every crossing was told as one alert, and every stack's books closed. */
export function isExact({ verdict, drawnDry, manyCustomers, peers, alerts }: Report): boolean {
  const verdicts = [verdict, manyCustomers?.verdict, peers?.verdict].filter((each) => each != null);
  const isDrawnExactly = drawnDry === null || drawnDry.admitted === drawnDry.quota;
  const isTold = alerts === null || isToldOnce(alerts);
  return isDrawnExactly && isTold && verdicts.every((each) => each.exact);
}
