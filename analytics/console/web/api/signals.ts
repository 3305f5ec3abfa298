import type { Fields } from './fields.js';
import { call, unlessMissing, withQuery } from './http.js';

export const SIGNAL_KINDS = ['upsell', 'churn'] as const;
export type SignalKind = (typeof SIGNAL_KINDS)[number];
export const SIGNAL_STATES = ['open', 'snoozed', 'done'] as const;
export type SignalState = (typeof SIGNAL_STATES)[number];

/** A reason to talk to a customer, with the numbers behind it. */
export interface Signal {
  readonly id: string;
  readonly kind: string;
  readonly rule: string;
  readonly customer: string;
  readonly plan: string | undefined;
  readonly feature: string | undefined;
  readonly limit: string | undefined;
  /** 0 to 100. */
  readonly score: number;
  /** In words. */
  readonly reason: string;
  readonly numbers: readonly { readonly name: string; readonly value: string }[];
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly state: string;
  readonly snoozedUntilMs: number | null;
}

export interface SignalsRequest {
  readonly kind?: string | undefined;
  readonly state?: string | undefined;
  readonly customer?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface SignalsPage {
  readonly rows: readonly Signal[];
  readonly cursor: string | undefined;
}

function readSignal(row: Fields): Signal {
  return {
    id: row.text('id'),
    kind: row.text('kind'),
    rule: row.text('rule'),
    customer: row.text('customer'),
    plan: row.textOr('plan', undefined),
    feature: row.textOr('feature', undefined),
    limit: row.textOr('limit', undefined),
    score: row.number('score'),
    reason: row.text('reason'),
    numbers: row.has('numbers') ? readNumbers(row.object('numbers')) : [],
    firstSeenMs: row.instant('firstSeen'),
    lastSeenMs: row.instant('lastSeen'),
    state: row.text('state'),
    snoozedUntilMs: row.instantOrNull('snoozedUntil'),
  };
}

/** Whatever the rule counted: numbers, texts, times. */
const readNumbers = (numbers: Fields): Signal['numbers'] =>
  numbers.names().flatMap((name) => {
    const value = numbers.raw(name);
    if (typeof value === 'number' || typeof value === 'string') return [{ name, value: String(value) }];
    return [];
  });

/** The signals, the highest score first; null where this Weir has none. */
export function signals(request: SignalsRequest, signal?: AbortSignal): Promise<SignalsPage | null> {
  return unlessMissing(
    call(
      withQuery('/v1/signals', { ...request }),
      (answer) => ({ rows: answer.list('rows', readSignal), cursor: answer.textOr('nextCursor', undefined) }),
      { signal },
    ),
  );
}

/** @param untilMs when a snoozed one is open again. @throws ApiError `forbidden` without the scope `admin`. */
export function setSignalState(id: string, state: SignalState, untilMs?: number): Promise<void> {
  const until = untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() };
  return call(`/v1/signals/${encodeURIComponent(id)}`, () => undefined, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ state, ...until }),
  });
}
