import { NEVER_MS } from '../../engine/limits/window.js';
import { quotasOf } from '../reports/catalog.js';
import { toInstant } from '../reports/periods.js';
import { amountOf, type Finding, plural, type RuleInput, score } from './finding.js';
import { grantedFeatures, type QuotaWindow, quotaWindows } from './quota-windows.js';
import type { SignalRules } from './rules-file.js';

type UpsellRules = SignalRules['upsell'];

const DAY_MS = 86_400_000;

/** Customers that want more than they have. Scores: docs/signals.md. */
export function upsellFindings(input: RuleInput, rules: UpsellRules): Finding[] {
  return [
    ...(rules.reachesLimit.enabled ? reachesLimit(input, rules.reachesLimit) : []),
    ...(rules.repeatedlyOver.enabled ? repeatedlyOver(input, rules.repeatedlyOver) : []),
    ...(rules.wantsFeature.enabled ? wantsFeature(input, rules.wantsFeature) : []),
  ];
}

function reachesLimit(input: RuleInput, rule: UpsellRules['reachesLimit']): Finding[] {
  return input.history.forecasts.flatMap((forecast) => {
    const { feature, limit, window, included, used, reachesAtMs } = forecast;
    if (window.endMs >= NEVER_MS || window.endMs - window.startMs < rule.windowDaysMin * DAY_MS) return [];
    // An entity's limit is the customer's own to raise.
    const owned = quotasOf(input.catalog, input.history.customer, feature, input.nowMs).some(
      ({ name }) => name === limit,
    );
    if (!owned || reachesAtMs === null || included <= 0) return [];
    const lengthMs = window.endMs - window.startMs;
    // Early in the window, and also by the low end of the interval, is sure and soon.
    const early = (window.endMs - reachesAtMs) / lengthMs;
    const amount = (value: number): number | string => amountOf(input, feature, value);
    const day = toInstant(reachesAtMs).slice(0, 10);
    const end = toInstant(window.endMs).slice(0, 10);
    const reason =
      used >= included
        ? `All of "${limit}" of ${feature} is used (${amount(used)} of ${amount(included)}), and the window lasts until ${end}.`
        : `"${limit}" of ${feature} is expected to be used up on ${day}, before its window ends on ${end}.`;
    return {
      kind: 'upsell',
      rule: 'reachesLimit',
      ...{ feature, limit, reason },
      score: score(40 + 40 * early + (forecast.reachesToMs === null ? 0 : 20)),
      numbers: {
        included: amount(included),
        used: amount(used),
        expected: forecast.expected === null ? null : amount(forecast.expected),
        low: forecast.low === null ? null : amount(forecast.low),
        high: forecast.high === null ? null : amount(forecast.high),
        reachesAt: toInstant(reachesAtMs),
        windowEnd: toInstant(window.endMs),
      },
    };
  });
}

function repeatedlyOver(input: RuleInput, rule: UpsellRules['repeatedlyOver']): Finding[] {
  return quotaWindows(input, rule.windowDaysMin, rule.windows - 1).flatMap(({ feature, quota, current, complete }) => {
    const windows = [current, ...complete];
    const over = windows.map((window) => ({
      overage: Math.max(0, window.used - window.included),
      included: window.included,
      denials: denialsIn(input, feature, quota.name, window),
    }));
    const hit = over.filter(({ overage, denials }) => overage > 0 || denials > 0);
    if (hit.length < rule.windowsOverMin) return [];
    const denials = hit.reduce((total, each) => total + each.denials, 0);
    const overage = Math.max(...hit.map((each) => each.overage));
    const share = Math.max(...hit.map((each) => each.overage / Math.max(1, each.included)));
    return {
      kind: 'upsell',
      rule: 'repeatedlyOver',
      ...{ feature, limit: quota.name },
      score: score(40 + (40 * hit.length) / windows.length + 20 * Math.min(1, share)),
      reason: `In ${hit.length} of the last ${plural(windows.length, 'window')} "${quota.name}" of ${feature} was not enough: ${plural(denials, 'denial')}, at most ${amountOf(input, feature, overage)} past what is included.`,
      numbers: {
        ...{ windows: windows.length, windowsOver: hit.length, denials },
        overageMax: amountOf(input, feature, overage),
        included: amountOf(input, feature, quota.included),
      },
    };
  });
}

function denialsIn({ history }: RuleInput, feature: string, limit: string, { startMs, endMs }: QuotaWindow): number {
  let total = 0;
  for (const denied of history.denials) {
    if (denied.feature !== feature || denied.limit !== limit || denied.reason !== 'limit_exceeded') continue;
    for (const hour of denied.hours) if (hour.startMs >= startMs && hour.startMs < endMs) total += hour.denials;
  }
  return total;
}

function wantsFeature(input: RuleInput, rule: UpsellRules['wantsFeature']): Finding[] {
  const { history, catalog, nowMs } = input;
  const granted = new Set(grantedFeatures(input));
  const asked = history.denials.filter(({ reason }) => reason === 'not_entitled');
  return asked.flatMap(({ feature, hours }) => {
    // What it has by now, and what is no longer sold, it does not want.
    if (granted.has(feature) || catalog.feature(feature) === undefined) return [];
    const recent = hours.filter(({ startMs }) => startMs >= nowMs - rule.days * DAY_MS);
    const denials = recent.reduce((total, each) => total + each.denials, 0);
    const daysAsked = new Set(recent.map(({ startMs }) => Math.floor(startMs / DAY_MS))).size;
    if (denials < rule.denialsMin || daysAsked < rule.daysAskedMin) return [];
    return {
      kind: 'upsell',
      rule: 'wantsFeature',
      ...{ feature, limit: '' },
      score: score(40 + 2 * daysAsked + 10 * Math.log10(denials)),
      reason: `Asked for ${feature}, which its plan does not grant, ${plural(denials, 'time')} on ${plural(daysAsked, 'day')} of the last ${rule.days}.`,
      numbers: { denials, daysAsked, days: rule.days },
    };
  });
}
