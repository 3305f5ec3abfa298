import { formatSum } from '../reports/amounts.js';
import { type ReportCatalog, scaleOf } from '../reports/catalog.js';
import type { CustomerHistory, Season } from './customer-history.js';

export type SignalKind = 'upsell' | 'churn';

/** What a rule says of one customer. */
export interface Finding {
  readonly kind: SignalKind;
  readonly rule: string;
  /** '' where the rule is about the customer as a whole. */
  readonly feature: string;
  /** '' where it is about no limit. */
  readonly limit: string;
  /** 0 to 100: docs/signals.md. */
  readonly score: number;
  /** In words, for whoever calls the customer. */
  readonly reason: string;
  /** The numbers behind it, amounts in the meter's unit. */
  readonly numbers: Readonly<Record<string, number | string | null>>;
}

export interface RuleInput {
  readonly history: CustomerHistory;
  readonly season: Season;
  readonly catalog: ReportCatalog;
  readonly nowMs: number;
}

/** An amount of a feature as answers show it, rounded to its smallest unit. */
export function amountOf({ catalog }: RuleInput, feature: string, amount: number): number | string {
  const meter = catalog.feature(feature)?.meter;
  return formatSum(BigInt(Math.round(amount)), meter === undefined ? 0 : scaleOf(catalog, meter));
}

/** A score within its bounds, whole. */
export const score = (value: number): number => Math.round(Math.min(100, Math.max(0, value)));

export const percent = (share: number): number => Math.round(share * 1_000) / 10;

export const sum = (amounts: readonly number[]): number => amounts.reduce((total, each) => total + each, 0);

export const daysUsed = (days: readonly number[]): number => days.filter((amount) => amount > 0).length;

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
