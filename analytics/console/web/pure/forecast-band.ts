import type { Forecast } from '../api/accounts.js';
import type { ChartChoice } from './chart-choice.js';
import type { ChartPlan } from './chart-plan.js';
import { amountText } from './chart-words.js';
import { decimalNumber, parseDecimal } from './decimal.js';
import { formatInstant } from './format.js';

/** Where a running total is expected to be when its window ends. */
export interface ForecastBand {
  readonly expected: number;
  readonly low: number;
  readonly high: number;
  readonly of: Forecast;
}

/** The band of a chart: only where it shows the window that the forecast is of, up to its end. */
export function bandOf(forecasts: readonly Forecast[], choice: ChartChoice, plan: ChartPlan): ForecastBand | null {
  const of = forecasts.find((row) => row.feature === choice.feature.id && row.limit === choice.quota?.id);
  if (of === undefined || plan.measure !== 'total' || of.windowEndMs !== plan.toMs) return null;
  const [expected, low, high] = [of.expected, of.low, of.high].map((text) => decimalNumber(parseDecimal(text)));
  if (expected === undefined || low === undefined || high === undefined) return null;
  return { expected, low, high, of };
}

/** The band in words. */
export function forecastText({ of }: ForecastBand, { meter }: ChartChoice, plan: ChartPlan): string {
  const amount = (text: string, unit = ''): string => amountText(parseDecimal(text), unit);
  const reaches =
    of.reachesAtMs === null
      ? ''
      : ` What is included is used up about ${formatInstant(of.reachesAtMs, plan.timezone)}.`;
  return `Expected at the end: ${amount(of.expected, meter.unit)} (${amount(of.low)} to ${amount(of.high)}).${reaches}`;
}
