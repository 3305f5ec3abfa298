import { YEAR_DAYS } from './customer-history.js';
import { amountOf, daysUsed, type Finding, percent, plural, type RuleInput, score, sum } from './finding.js';
import { grantedFeatures, quotaWindows } from './quota-windows.js';
import type { SignalRules } from './rules-file.js';

type ChurnRules = SignalRules['churn'];

/** Customers that are leaving. Scores: docs/signals.md. */
export function churnFindings(input: RuleInput, rules: ChurnRules): Finding[] {
  const silence = rules.silent.enabled ? silent(input, rules.silent) : [];
  // Who uses nothing at all is told once, not once a feature.
  const features = silence.length > 0 ? [] : perFeature(input, rules);
  return [...silence, ...features, ...(rules.underUsed.enabled ? underUsed(input, rules.underUsed) : [])];
}

function perFeature(input: RuleInput, rules: ChurnRules): Finding[] {
  return [...input.history.days].flatMap(([feature, days]) => [
    ...(rules.useDown.enabled ? useDown(input, rules.useDown, feature, days) : []),
    ...(rules.featureGivenUp.enabled ? featureGivenUp(input, rules.featureGivenUp, feature, days) : []),
  ]);
}

/** Below its own past, by more than everyone is now and more than itself at this time a year ago. */
function useDown(input: RuleInput, rule: ChurnRules['useDown'], feature: string, days: readonly number[]): Finding[] {
  const recent = sum(days.slice(0, rule.days));
  const baseline = days.slice(rule.days, rule.days + rule.baselineDays);
  if (recent === 0 || daysUsed(baseline) < rule.baselineDaysUsedMin) return [];
  const usual = (sum(baseline) * rule.days) / rule.baselineDays;
  const lastYear = ratioAt(days, YEAR_DAYS, rule);
  const expected = Math.min(1, input.season.ratioOf(feature), lastYear ?? 1);
  const drop = expected > 0 ? 1 - recent / usual / expected : 0;
  if (drop * 100 < rule.dropPercent) return [];
  // Less than in any such span before: whoever goes up and down all the time has only gone down.
  for (let from = 0; from < baseline.length; from += rule.days) {
    if (sum(baseline.slice(from, from + rule.days)) * expected <= recent) return [];
  }
  return [
    {
      kind: 'churn',
      rule: 'useDown',
      ...{ feature, limit: '' },
      score: score(drop * 100),
      reason: `Use of ${feature} in the last ${rule.days} days is ${percent(drop)} % below what its past, the season allowed for, would have it.`,
      numbers: {
        recent: amountOf(input, feature, recent),
        usual: amountOf(input, feature, usual),
        dropPercent: percent(drop),
        seasonPercent: percent(expected),
      },
    },
  ];
}

/** Recent to usual use, as it was some days ago; undefined without a past by then. */
function ratioAt(days: readonly number[], ago: number, rule: ChurnRules['useDown']): number | undefined {
  const baseline = days.slice(ago + rule.days, ago + rule.days + rule.baselineDays);
  if (daysUsed(baseline) < rule.baselineDaysUsedMin) return undefined;
  const usual = (sum(baseline) * rule.days) / rule.baselineDays;
  return sum(days.slice(ago, ago + rule.days)) / usual;
}

function featureGivenUp(
  input: RuleInput,
  rule: ChurnRules['featureGivenUp'],
  feature: string,
  days: readonly number[],
): Finding[] {
  if (!grantedFeatures(input).includes(feature) || daysUsed(days.slice(0, rule.days)) > 0) return [];
  const used = daysUsed(days.slice(rule.days, rule.days + rule.baselineDays));
  if (used < rule.baselineDaysUsedMin) return [];
  // Everyone paused it, or the customer did so a year ago as well.
  if (input.season.ratioOf(feature) === 0 || pausedAYearAgo(days, rule.days, rule.baselineDays)) return [];
  const others = [...input.history.days].filter(
    ([other, amounts]) => other !== feature && daysUsed(amounts.slice(0, rule.days)) > 0,
  );
  if (others.length === 0) return [];
  const silentDays = days.findIndex((amount) => amount > 0);
  return [
    {
      kind: 'churn',
      rule: 'featureGivenUp',
      ...{ feature, limit: '' },
      score: score(40 + (60 * used) / rule.baselineDays),
      reason: `Has not used ${feature} for ${silentDays} days, though it goes on using ${plural(others.length, 'other feature')}.`,
      numbers: { silentDays, daysUsedBefore: used, baselineDays: rule.baselineDays, featuresInUse: others.length },
    },
  ];
}

function silent(input: RuleInput, rule: ChurnRules['silent']): Finding[] {
  const days = totalDays(input);
  const silentDays = days.findIndex((amount) => amount > 0);
  if (silentDays <= 0) return [];
  const baseline = days.slice(silentDays, silentDays + rule.baselineDays);
  const used = daysUsed(baseline);
  if (used < rule.baselineDaysUsedMin) return [];
  const pause = longestPause(baseline);
  const allowed = Math.max(rule.daysMin, rule.pauseTimes * pause, input.season.silentDays + rule.daysMin);
  if (silentDays < allowed || pausedAYearAgo(days, silentDays, rule.baselineDays)) return [];
  return [
    {
      kind: 'churn',
      rule: 'silent',
      ...{ feature: '', limit: '' },
      score: score(50 + 50 * (silentDays / allowed - 1)),
      reason: `Has used nothing for ${plural(silentDays, 'day')}; before that its longest pause was ${plural(pause, 'day')}.`,
      numbers: { silentDays, longestPauseDays: pause, allowedDays: allowed, daysUsedBefore: used },
    },
  ];
}

/** Days with use of anything, as 1; amounts of different features have no sum. */
function totalDays({ history }: RuleInput): number[] {
  const all = [...history.days.values()];
  return (all[0] ?? []).map((_, day) => (all.some((days) => (days[day] ?? 0) > 0) ? 1 : 0));
}

/** Whether it used nothing on these days a year ago, and something before. */
function pausedAYearAgo(days: readonly number[], pauseDays: number, baselineDays: number): boolean {
  const pause = days.slice(YEAR_DAYS, YEAR_DAYS + pauseDays);
  const before = days.slice(YEAR_DAYS + pauseDays, YEAR_DAYS + pauseDays + baselineDays);
  return daysUsed(pause) === 0 && daysUsed(before) > 0;
}

/** Days without use between days with use, the longest run of them. */
function longestPause(days: readonly number[]): number {
  let [longest, run] = [0, 0];
  for (const amount of days) {
    if (amount > 0) [longest, run] = [Math.max(longest, run), 0];
    else run += 1;
  }
  return longest;
}

function underUsed(input: RuleInput, rule: ChurnRules['underUsed']): Finding[] {
  const { history, season, nowMs } = input;
  const firstDay = totalDays(input).lastIndexOf(1);
  const { startsAt } = history.customer;
  const ownMs = Math.min(
    startsAt ? Date.parse(startsAt) : Number.POSITIVE_INFINITY,
    firstDay < 0 ? Number.POSITIVE_INFINITY : nowMs - (firstDay + 1) * 86_400_000,
  );
  // On a system that was just set up nobody has used anything for months, it seems.
  const sinceMs = Math.max(ownMs, season.ledgerSinceMs);
  return quotaWindows(input, rule.windowDaysMin, rule.windows).flatMap(({ feature, quota, complete }) => {
    const paid = complete.filter(({ startMs, included }) => startMs >= sinceMs && included > 0);
    if (paid.length < rule.windows) return [];
    const shares = paid.map(({ used, included }) => used / included);
    const most = Math.max(...shares);
    if (most * 100 >= rule.usedPercentMax) return [];
    return {
      kind: 'churn',
      rule: 'underUsed',
      ...{ feature, limit: quota.name },
      score: score(40 + 60 * (1 - (most * 100) / rule.usedPercentMax)),
      reason: `In each of the last ${plural(paid.length, 'window')} at most ${percent(most)} % of "${quota.name}" of ${feature} was used.`,
      numbers: {
        windows: paid.length,
        usedPercentMost: percent(most),
        usedPercentMean: percent(sum(shares) / shares.length),
        included: amountOf(input, feature, quota.included),
      },
    };
  });
}
