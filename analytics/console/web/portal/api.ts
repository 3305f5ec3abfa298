import { type Forecast, readForecast } from '../api/accounts.js';
import { type CustomerSheet, type LiveLimit, readLiveLimits, readSheet } from '../api/customers.js';
import type { Fields } from '../api/fields.js';
import { call } from '../api/http.js';
import type { UsagePeriod } from '../api/reports.js';

/** What the portal asks: never for a customer, since the session is one's. */

const SESSION = '/portal/session';

/** @throws ApiError `invalid_link` */
export const openSession = (token: string): Promise<void> =>
  call(SESSION, () => undefined, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });

export const closeSession = (): Promise<void> => call(SESSION, () => undefined, { method: 'DELETE' });

export interface Summary {
  readonly sheet: CustomerSheet;
  readonly limits: readonly LiveLimit[];
  readonly expiresAtMs: number;
}

export interface MeterDays {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  readonly days: readonly UsagePeriod[];
}

export interface MonthUsage {
  /** Such as `2026-11`. */
  readonly period: string;
  readonly timezone: string;
  readonly meters: readonly MeterDays[];
}

export interface InvoiceRow {
  readonly feature: string;
  readonly name: string;
  readonly unit: string;
  readonly limit: string | null;
  readonly included: string | null;
  readonly used: string;
  readonly overage: string;
}

export const summary = (signal?: AbortSignal): Promise<Summary> =>
  call(
    '/portal/api/summary',
    (answer) => ({
      sheet: readSheet(answer.object('customer')),
      limits: readLiveLimits(answer),
      expiresAtMs: answer.instant('expiresAt'),
    }),
    { signal },
  );

const readMeter = (meter: Fields): MeterDays => ({
  id: meter.text('id'),
  name: meter.text('name'),
  unit: meter.text('unit'),
  days: meter.list('rows', (row) => ({
    startMs: row.instant('start'),
    endMs: row.instant('end'),
    value: row.amountOrNull('value') ?? '0',
  })),
});

export const monthUsage = (signal?: AbortSignal): Promise<MonthUsage> =>
  call(
    '/portal/api/usage',
    (answer) => ({
      period: answer.text('period'),
      timezone: answer.text('timezone'),
      meters: answer.list('meters', readMeter),
    }),
    { signal },
  );

export const forecast = (signal?: AbortSignal): Promise<readonly Forecast[]> =>
  call('/portal/api/forecast', (answer) => answer.list('rows', readForecast).filter((row) => row !== null), { signal });

export const invoice = (signal?: AbortSignal): Promise<readonly InvoiceRow[]> =>
  call(
    '/portal/api/invoice',
    (answer) =>
      answer.list('rows', (row) => ({
        feature: row.text('feature'),
        name: row.text('name'),
        unit: row.text('unit'),
        limit: row.textOr('limit', null),
        included: row.amountOrNull('included'),
        used: row.amount('used'),
        overage: row.amount('overage'),
      })),
    { signal },
  );

export const USAGE_CSV = '/portal/api/usage.csv';
