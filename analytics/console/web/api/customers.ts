import type { ResolvedWindow } from '../../../../engine/limits/window.js';
import type { Fields } from './fields.js';
import { call } from './http.js';

interface Named {
  readonly id: string;
  readonly name: string;
}

export interface QuotaTerms {
  readonly kind: 'quota';
  readonly id: string;
  readonly included: string;
  /** Null when nothing caps it. */
  readonly hard: string | null;
  readonly shadow: boolean;
  readonly window: ResolvedWindow;
}

export interface BucketTerms {
  readonly kind: 'bucket';
  readonly id: string;
  readonly capacity: string;
  readonly refill: { readonly amount: string; readonly everyMs: number };
  readonly shadow: boolean;
}

export interface SlotTerms {
  readonly kind: 'concurrency';
  readonly id: string;
  readonly slots: string;
  readonly shadow: boolean;
}

export type LimitTerms = QuotaTerms | BucketTerms | SlotTerms;

export interface SheetMeter extends Named {
  /** Such as `token`; '' where the catalog names none. */
  readonly unit: string;
  /** Sums and counts add up over time; a maximum or an average does not. */
  readonly summed: boolean;
}

export interface SheetFeature extends Named {
  readonly kind: 'metered' | 'boolean' | 'config';
  readonly entitled: boolean;
  readonly value: string | undefined;
  readonly meter: SheetMeter | undefined;
  readonly limits: readonly LimitTerms[];
}

/** More of one quota than plan and add-ons include. */
export interface SheetGrant {
  readonly feature: string;
  readonly limit: string;
  readonly amount: string;
  readonly startsAtMs: number | null;
  readonly endsAtMs: number | null;
}

/** What the catalog says of one customer. */
export interface CustomerSheet extends Named {
  /** Of the catalog. */
  readonly version: number;
  readonly status: string;
  readonly plan: Named;
  readonly addons: readonly Named[];
  readonly grants: readonly SheetGrant[];
  readonly timezone: string;
  readonly startsAtMs: number | null;
  readonly endsAtMs: number | null;
  readonly features: readonly SheetFeature[];
}

const readNamed = (fields: Fields): Named => ({ id: fields.text('id'), name: fields.text('name') });

const EVERY = ['minute', 'hour', 'day', 'week', 'month', 'year', 'lifetime'] as const;

function readWindow(fields: Fields): ResolvedWindow {
  const every = EVERY.find((name) => name === fields.text('every'));
  if (every === undefined) throw new Error(`this page does not know windows of a ${fields.text('every')}`);
  return {
    every,
    anchorMs: fields.has('anchorMs') ? fields.number('anchorMs') : null,
    timezone: fields.text('timezone'),
  };
}

function readTerms(fields: Fields): LimitTerms {
  const base = { id: fields.text('id'), shadow: fields.flag('shadow') };
  if (fields.text('kind') === 'concurrency') return { ...base, kind: 'concurrency', slots: fields.amount('slots') };
  if (fields.text('kind') === 'bucket') {
    const refill = fields.object('refill');
    return {
      ...base,
      kind: 'bucket',
      capacity: fields.amount('capacity'),
      refill: { amount: refill.amount('amount'), everyMs: refill.number('everyMs') },
    };
  }
  return {
    ...base,
    kind: 'quota',
    included: fields.amount('included'),
    hard: fields.amountOrNull('hard'),
    window: readWindow(fields.object('window')),
  };
}

function readMeter(fields: Fields): SheetMeter {
  return { ...readNamed(fields), unit: fields.text('unit'), summed: fields.flag('summed') };
}

function readFeature(fields: Fields): SheetFeature {
  const kind = fields.text('kind');
  return {
    ...readNamed(fields),
    kind: kind === 'boolean' || kind === 'config' ? kind : 'metered',
    entitled: fields.flag('entitled'),
    value: fields.has('value') ? String(fields.raw('value')) : undefined,
    meter: fields.has('meter') ? readMeter(fields.object('meter')) : undefined,
    limits: fields.list('limits', readTerms),
  };
}

export const readSheet = (sheet: Fields): CustomerSheet => ({
  ...readNamed(sheet),
  version: sheet.number('version'),
  status: sheet.text('status'),
  plan: readNamed(sheet.object('plan')),
  addons: sheet.list('addons', readNamed),
  grants: sheet.list('grants', (grant) => ({
    feature: grant.text('feature'),
    limit: grant.text('limit'),
    amount: grant.amount('amount'),
    startsAtMs: grant.instantOrNull('startsAt'),
    endsAtMs: grant.instantOrNull('endsAt'),
  })),
  timezone: sheet.text('timezone'),
  startsAtMs: sheet.instantOrNull('startsAt'),
  endsAtMs: sheet.instantOrNull('endsAt'),
  features: sheet.list('features', readFeature),
});

/** @throws ApiError `unknown_customer` */
export function customerSheet(id: string, signal?: AbortSignal): Promise<CustomerSheet> {
  return call(`/v1/console/customers/${encodeURIComponent(id)}`, readSheet, { signal });
}

export interface QuotaState {
  readonly kind: 'quota';
  readonly included: string;
  readonly used: string;
  readonly reserved: string;
  readonly overage: string;
  readonly remaining: string;
  readonly resetAtMs: number | null;
}

export interface BucketState {
  readonly kind: 'bucket';
  readonly capacity: string;
  readonly remaining: string;
}

/** Holds that are open at the same time: seats, parallel calls. */
export interface SlotState {
  readonly kind: 'concurrency';
  readonly slots: string;
  readonly inUse: string;
  readonly remaining: string;
}

export type LiveState = QuotaState | BucketState | SlotState;

/** One limit's counters at this moment. */
export interface LiveLimit {
  readonly feature: string;
  readonly limit: string;
  readonly state: LiveState;
}

function readState(fields: Fields): LiveState {
  if (fields.text('kind') === 'concurrency') {
    return {
      kind: 'concurrency',
      slots: fields.amount('slots'),
      inUse: fields.amount('inUse'),
      remaining: fields.amount('remaining'),
    };
  }
  if (fields.text('kind') === 'bucket') {
    return { kind: 'bucket', capacity: fields.amount('capacity'), remaining: fields.amount('remaining') };
  }
  return {
    kind: 'quota',
    included: fields.amount('included'),
    used: fields.amount('used'),
    reserved: fields.amount('reserved'),
    overage: fields.amount('overage'),
    remaining: fields.amount('remaining'),
    resetAtMs: fields.instantOrNull('resetAt'),
  };
}

export const readLiveLimits = (answer: Fields): readonly LiveLimit[] =>
  answer
    .entries('features', (feature, featureId) =>
      feature.entries('limits', (state, limit) => ({ feature: featureId, limit, state: readState(state) })),
    )
    .flat();

/** The counters that decide, in the catalog's order. */
export function liveLimits(id: string, signal?: AbortSignal): Promise<readonly LiveLimit[]> {
  return call(`/v1/customers/${encodeURIComponent(id)}/usage`, readLiveLimits, { signal });
}
