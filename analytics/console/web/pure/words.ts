/** The API's names in words. */

const REASONS: Readonly<Record<string, string>> = {
  limit_exceeded: 'Over the limit',
  not_entitled: 'Not in the plan',
  not_started: 'Before its start',
  expired: 'After its end',
  suspended: 'Customer suspended',
  unknown_customer: 'Unknown customer',
  unknown_feature: 'Unknown feature',
  batch_denied: 'Denied with its batch',
  unavailable: 'Redis away',
};

/** Why a check may be denied. */
export const DENIAL_REASONS: readonly string[] = Object.keys(REASONS);

/** A denial's reason; one that is new to this page as the API spells it. */
export const reasonText = (reason: string): string => REASONS[reason] ?? reason.replaceAll('_', ' ');

const EVERY: Readonly<Record<string, string>> = {
  minute: 'a minute',
  hour: 'an hour',
  day: 'a day',
  week: 'a week',
  month: 'a month',
  year: 'a year',
  lifetime: 'in all',
};

/** How often a quota is granted: `a month`. */
export const everyText = (every: string): string => EVERY[every] ?? every;

export type Tone = 'good' | 'warn' | 'bad' | 'quiet';

export interface Standing {
  readonly text: string;
  readonly tone: Tone;
}

const SOON_MS = 30 * 24 * 3_600_000;

/** Whether a customer's requests can be admitted at all now. */
export function standingOf(
  terms: { readonly status: string; readonly startsAtMs: number | null; readonly endsAtMs: number | null },
  nowMs: number,
): Standing {
  const { status, startsAtMs, endsAtMs } = terms;
  if (status === 'suspended') return { text: 'Suspended', tone: 'bad' };
  if (startsAtMs !== null && nowMs < startsAtMs) return { text: 'Not started', tone: 'quiet' };
  if (endsAtMs !== null && nowMs >= endsAtMs) return { text: 'Ended', tone: 'bad' };
  if (endsAtMs !== null && endsAtMs - nowMs < SOON_MS) return { text: 'Ends soon', tone: 'warn' };
  return { text: 'Active', tone: 'good' };
}

/** How bad a percentage is. The colour never stands alone: the percentage is beside it. */
export function toneOf(percent: number): Tone {
  if (percent >= 100) return 'bad';
  return percent >= 80 ? 'warn' : 'good';
}

const KINDS: Readonly<Record<string, string>> = { upsell: 'Upsell', churn: 'Churn' };

/** What a signal is about. */
export const kindText = (kind: string): string => KINDS[kind] ?? kind;

/** `deniedCount` → `denied count`: the API's names where they are shown as they are. */
export const nameText = (name: string): string =>
  name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();

const FACTS: Readonly<Record<string, string>> = {
  check: 'Check',
  record: 'Recorded',
  commit: 'Reservation',
  void: 'Taken back',
};

/** What kind of fact it is. */
export const factText = (kind: string): string => FACTS[kind] ?? kind;
