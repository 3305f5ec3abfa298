/**
 * The forecast, in two sentences. An hour is expected to bring what the same hour of the week brought in the weeks
 * before, the newer weeks counting more, times a level: how the last seven days stood against that, damped. The
 * interval is how far the same method was off, on the same customer, each time it is asked again as of a past day.
 *
 * Pure arithmetic in doubles: a forecast is no balance. What was used is added exactly by the caller.
 */

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const WEEK_DAYS = 7;
export const WEEK_HOURS = WEEK_DAYS * DAY_HOURS;
/** Weeks of history that are read. */
export const HISTORY_WEEKS = 8;
export const HISTORY_DAYS = HISTORY_WEEKS * WEEK_DAYS;
/** What a week counts beside the one after it. From 0.5 to 0.9 the trial of docs/forecast.md differs little. */
export const WEEK_WEIGHT = 0.75;
/** The weight of a week by its age; and of all weeks up to an age. */
const WEIGHTS = Array.from({ length: HISTORY_WEEKS }, (_, week) => WEEK_WEIGHT ** week);
const WEIGHTS_TO = Array.from({ length: HISTORY_WEEKS + 1 }, (_, weeks) => sum(WEIGHTS.slice(0, weeks)));
/** How much of the latest level is believed: 0 none, 1 all. The trial is worse below 0.5, and the same above. */
const LEVEL_DAMPING = 0.75;
const LEVEL_MAX = 3;
/** Share of the cases that the interval is to hold. */
export const INTERVAL_SHARE = 0.8;
/** Past days that the method is asked again as of; longer ones tell of another customer. */
const ORIGINS_MAX = 35;
/** Errors over more days than this are not looked at, since too few fit into the history; they grow by the root of time. */
const ERROR_DAYS_MAX = 14;
/** Of that growth, for years ahead. */
const LONG_SPAN_MAX = 3;
/** Below it the errors of one customer say nothing, and the interval is this factor both ways. */
const ERRORS_MIN = 5;
const FACTOR_UNKNOWN = 2;
/** Of an average span: added to both sides of a ratio, so that a span without use gives no infinite one. */
const RATIO_FLOOR = 0.05;
/** Steps of an hour that a limit is looked for; a lifetime has no end. */
const REACH_HOURS_MAX = 366 * DAY_HOURS;

/** The use of one limit before `nowMs`, in steps that end at `nowMs`. */
export interface History {
  /** Per hour of the week, newest first: slot 0 is the last hour, slot 167 the one that comes again next. Sums over the
   * weeks, each weighted by `WEEK_WEIGHT` to the power of its age. */
  readonly weightedHours: readonly number[];
  /** Per day, newest first, `HISTORY_DAYS` of them. */
  readonly days: readonly number[];
  /** Age of the first use in the history, h. */
  readonly ageHours: number;
}

/** What the hours to come are expected to bring. */
export interface Outlook {
  /** Per hour from now on; repeats each week. */
  readonly hours: readonly number[];
  /** Sum of a week of them. */
  readonly week: number;
  /** Factors on the sum for the ends of the interval, by the days it spans. */
  interval(hours: number): Interval;
}

/** `low` ≤ 1 ≤ `high`. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The outlook of one limit. */
export function outlookOf(history: History): Outlook {
  const days = history.days.map((amount) => Math.max(0, amount));
  const ageDays = Math.max(1, Math.ceil(history.ageHours / DAY_HOURS));
  const profile = profileOf(history.weightedHours, Math.max(1, history.ageHours), DAY_HOURS);
  const level = levelOf(days, sum(profile), 0, ageDays);
  // Slot 167 is the hour of a week ago that begins now.
  const hours = profile.map((_, ahead) => level * (profile[WEEK_HOURS - 1 - ahead] ?? 0));
  const byDays = new Map<number, Interval>();
  return {
    hours,
    week: sum(hours),
    interval(span) {
      const spanDays = Math.min(ERROR_DAYS_MAX, Math.max(1, Math.ceil(span / DAY_HOURS)));
      const known = byDays.get(spanDays) ?? intervalOf(days, ageDays, spanDays);
      byDays.set(spanDays, known);
      return widened(known, Math.min(LONG_SPAN_MAX, Math.sqrt(Math.max(1, span / DAY_HOURS / ERROR_DAYS_MAX))));
    },
  };
}

/** What is expected of the next `ms` milliseconds. */
export function expectedOver(outlook: Outlook, ms: number): number {
  const hours = ms / HOUR_MS;
  const weeks = Math.floor(hours / WEEK_HOURS);
  let total = weeks * outlook.week;
  for (let left = hours - weeks * WEEK_HOURS, slot = 0; left > 0; left -= 1, slot++) {
    total += (outlook.hours[slot] ?? 0) * Math.min(1, left);
  }
  return total;
}

/**
 * How long until `amount` more is used, ms, to the hour it falls into by its share; undefined when it is not within
 * `withinMs`, and not within a year.
 * @param factor on the expected use: an end of the interval.
 */
export function reachedAfterMs(outlook: Outlook, amount: number, factor: number, withinMs: number): number | undefined {
  if (amount <= 0) return 0;
  const perWeek = outlook.week * factor;
  if (perWeek <= 0) return undefined;
  const weeks = Math.max(0, Math.floor(amount / perWeek) - 1);
  let left = amount - weeks * perWeek;
  for (let hour = weeks * WEEK_HOURS; hour < REACH_HOURS_MAX && hour * HOUR_MS < withinMs; hour++) {
    const step = (outlook.hours[hour % WEEK_HOURS] ?? 0) * factor;
    if (step >= left && step > 0) {
      const afterMs = (hour + left / step) * HOUR_MS;
      return afterMs < withinMs ? afterMs : undefined;
    }
    left -= step;
  }
  return undefined;
}

/**
 * Means per slot of a week from sums that are weighted by week. A slot that was not seen yet takes the mean of the same
 * hour of the days that were, else of all that were seen.
 * @param perDay slots of a day: 24 for hours, 1 for days.
 */
function profileOf(weighted: readonly number[], ageSteps: number, perDay: number): number[] {
  const slots = WEEK_DAYS * perDay;
  const seen = Math.min(slots, ageSteps);
  const means = new Array<number>(slots).fill(Number.NaN);
  for (let slot = 0; slot < seen; slot++) {
    means[slot] = Math.max(0, weighted[slot] ?? 0) / weightOf(slot, slots, ageSteps);
  }
  if (seen === slots) return means;
  const known = means.slice(0, seen);
  const overall = sum(known) / seen;
  return means.map((mean, slot) => {
    if (slot < seen) return mean;
    const same = known.filter((_, other) => other % perDay === slot % perDay);
    return same.length === 0 ? overall : sum(same) / same.length;
  });
}

/** Sum of the weights of the weeks in which a slot was seen. */
function weightOf(slot: number, slots: number, ageSteps: number): number {
  const weeks = Math.min(HISTORY_WEEKS, Math.max(1, Math.ceil((ageSteps - slot) / slots)));
  return WEIGHTS_TO[weeks] ?? 1;
}

/** How the last seven days before an origin stand against the profile, damped. */
function levelOf(days: readonly number[], profileWeek: number, origin: number, ageDays: number): number {
  const span = Math.min(WEEK_DAYS, ageDays - origin);
  const usual = (profileWeek * span) / WEEK_DAYS;
  if (usual <= 0) return 1;
  const recent = sum(days.slice(origin, origin + span));
  return Math.min(LEVEL_MAX, Math.max(1 / LEVEL_MAX, (recent / usual) ** LEVEL_DAMPING));
}

/** The ends of the interval over some days: quantiles of actual by expected, as of each past day that has them. */
function intervalOf(days: readonly number[], ageDays: number, spanDays: number): Interval {
  const ratios: number[] = [];
  const age = Math.min(ageDays, HISTORY_DAYS);
  for (let origin = spanDays; origin + WEEK_DAYS <= age && ratios.length < ORIGINS_MAX; origin++) {
    const profile = dayProfileAt(days, age, origin);
    const level = levelOf(days, sum(profile), origin, age);
    let expected = 0;
    for (let ahead = 0; ahead < spanDays; ahead++) expected += level * (profile[6 - (ahead % WEEK_DAYS)] ?? 0);
    const actual = sum(days.slice(origin - spanDays, origin));
    const floor = RATIO_FLOOR * ((expected + actual) / 2);
    ratios.push(expected + actual === 0 ? 1 : (actual + floor) / (expected + floor));
  }
  if (ratios.length < ERRORS_MIN) return { low: 1 / FACTOR_UNKNOWN, high: FACTOR_UNKNOWN };
  ratios.sort((left, right) => left - right);
  // With few errors the quantile goes outwards: the share holds of the next case, not of those that were seen.
  const outside = Math.floor(((1 - INTERVAL_SHARE) / 2) * (ratios.length + 1));
  const low = ratios[Math.max(0, outside - 1)] ?? 1;
  const high = ratios[Math.min(ratios.length - 1, ratios.length - outside)] ?? 1;
  // Spans overlap: those that do not are few, and what they miss is made up for, about as Student's t does.
  const apart = Math.max(1, ratios.length / spanDays);
  return widened({ low: Math.min(1, low), high: Math.max(1, high) }, Math.sqrt(1 + 3 / apart));
}

/** An interval whose ends are so many times as far from 1, as ratios. */
const widened = ({ low, high }: Interval, times: number): Interval => ({ low: low ** times, high: high ** times });

/** The profile of a week by days, as it stood `origin` days ago. */
function dayProfileAt(days: readonly number[], ageDays: number, origin: number): number[] {
  const weighted = new Array<number>(WEEK_DAYS).fill(0);
  for (let at = origin; at < ageDays; at++) {
    const [slot, week] = [(at - origin) % WEEK_DAYS, Math.floor((at - origin) / WEEK_DAYS)];
    weighted[slot] = (weighted[slot] ?? 0) + (WEIGHTS[week] ?? 0) * (days[at] ?? 0);
  }
  return profileOf(weighted, ageDays - origin, 1);
}

function sum(amounts: readonly number[]): number {
  let total = 0;
  for (const amount of amounts) total += amount;
  return total;
}
