import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { assetPath } from '../../engine/platform/assets.js';

/** The rules of the signals, from `signals.yaml` or the file that WEIR_SIGNALS names. */

const DEFAULT_FILE = 'analytics/signals/signals.yaml';
const FILE_BYTES_MAX = 64 * 1024;
/** Days of history that rules may ask for; the same days a year before come on top. */
export const RULE_DAYS_MAX = 90;
/** Windows of one quota that rules may look at. */
export const RULE_WINDOWS_MAX = 12;

const days = (byDefault: number) => z.int().min(1).max(RULE_DAYS_MAX).default(byDefault);
const windows = (byDefault: number) => z.int().min(1).max(RULE_WINDOWS_MAX).default(byDefault);
const percent = (byDefault: number) => z.number().min(1).max(100).default(byDefault);
const count = (byDefault: number) => z.int().min(1).max(1_000_000).default(byDefault);
const windowDays = (byDefault: number) => z.number().min(0).max(366).default(byDefault);
const enabled = z.boolean().default(true);

const reachesLimit = z.strictObject({ enabled, windowDaysMin: windowDays(6) });
const repeatedlyOver = z
  .strictObject({ enabled, windows: windows(3), windowsOverMin: windows(2), windowDaysMin: windowDays(6) })
  .refine((rule) => rule.windowsOverMin <= rule.windows, 'windowsOverMin must not be more than windows');
const wantsFeature = z.strictObject({ enabled, days: days(30), denialsMin: count(5), daysAskedMin: days(2) });
const useDown = z
  .strictObject({
    enabled,
    days: days(14),
    baselineDays: days(56),
    dropPercent: percent(40),
    baselineDaysUsedMin: days(10),
  })
  .refine((rule) => rule.days % 7 === 0, 'days must be whole weeks, else a weekend looks like a drop')
  .refine((rule) => rule.baselineDays % rule.days === 0, 'baselineDays must be a multiple of days');
const featureGivenUp = z.strictObject({
  enabled,
  days: days(28),
  baselineDays: days(56),
  baselineDaysUsedMin: days(8),
});
const silent = z.strictObject({
  enabled,
  daysMin: days(7),
  pauseTimes: z.number().min(1).max(10).default(2),
  baselineDays: days(84),
  baselineDaysUsedMin: days(10),
});
const underUsed = z.strictObject({
  enabled,
  windows: windows(3),
  usedPercentMax: percent(20),
  windowDaysMin: windowDays(27),
});

const rulesSchema = z.strictObject({
  returnDays: z.int().min(0).max(366).default(14),
  upsell: z
    .strictObject({
      reachesLimit: reachesLimit.prefault({}),
      repeatedlyOver: repeatedlyOver.prefault({}),
      wantsFeature: wantsFeature.prefault({}),
    })
    .prefault({}),
  churn: z
    .strictObject({
      useDown: useDown.prefault({}),
      featureGivenUp: featureGivenUp.prefault({}),
      silent: silent.prefault({}),
      underUsed: underUsed.prefault({}),
    })
    .prefault({}),
});
export type SignalRules = z.output<typeof rulesSchema>;

/** What no file says. */
export const DEFAULT_RULES: SignalRules = rulesSchema.parse({});

/** @throws Error for a file that cannot be read, or does not hold: it says where. */
export function loadRules(path: string | undefined): SignalRules {
  const file = path ?? assetPath(DEFAULT_FILE);
  const bytes = readFileSync(file);
  if (bytes.length > FILE_BYTES_MAX) throw new Error(`${file} is larger than ${FILE_BYTES_MAX} bytes`);
  return parseRules(bytes.toString('utf8'), file);
}

/** @throws Error that names the field. */
export function parseRules(text: string, file: string): SignalRules {
  const parsed = rulesSchema.safeParse(parse(text, { maxAliasCount: 100 }) ?? {});
  if (parsed.success) return parsed.data;
  throw new Error(`${file} does not hold:\n${z.prettifyError(parsed.error)}`);
}
