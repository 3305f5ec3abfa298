import { HISTORY_DAYS, HISTORY_WEEKS, type History, WEEK_HOURS, WEEK_WEIGHT } from './model.js';

/**
 * The history of an hourly series as of one of its hours: what `analytics/queries/forecast-history.sql` answers, for
 * trials of the method on series that are in no ledger.
 * @param hourly use by hour, oldest first.
 * @param at hours of it that are known.
 */
export function historyAt(hourly: readonly number[], at: number): History {
  const from = Math.max(0, at - HISTORY_WEEKS * WEEK_HOURS);
  const weightedHours = new Array<number>(WEEK_HOURS).fill(0);
  const days = new Array<number>(HISTORY_DAYS).fill(0);
  let ageHours = 1;
  for (let hour = at - 1; hour >= from; hour--) {
    const amount = hourly[hour] ?? 0;
    const ago = at - 1 - hour;
    if (amount === 0) continue;
    ageHours = ago + 1;
    const [slot, day] = [ago % WEEK_HOURS, Math.floor(ago / 24)];
    weightedHours[slot] = (weightedHours[slot] ?? 0) + amount * WEEK_WEIGHT ** Math.floor(ago / WEEK_HOURS);
    days[day] = (days[day] ?? 0) + amount;
  }
  return { weightedHours, days, ageHours };
}
