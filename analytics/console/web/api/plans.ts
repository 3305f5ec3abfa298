import type { Fields } from './fields.js';
import { call } from './http.js';

/** How far a plan's customers have used one of its quotas. */
export interface PlanLimit {
  readonly feature: string;
  readonly limit: string;
  readonly every: string;
  readonly included: string;
  /** Customers that used some of it. */
  readonly using: number;
  readonly near: number;
  readonly exhausted: number;
  /** By tenths of what is included; the last for all of it and more. */
  readonly distribution: readonly number[];
}

export interface PlanUse {
  readonly plan: string;
  readonly name: string;
  readonly customers: number;
  /** At 80 % or more of any of its quotas. */
  readonly near: number;
  readonly limits: readonly PlanLimit[];
}

const readLimit = (row: Fields): PlanLimit => ({
  feature: row.text('feature'),
  limit: row.text('limit'),
  every: row.text('every'),
  included: row.amount('included'),
  using: row.number('using'),
  near: row.number('near'),
  exhausted: row.number('exhausted'),
  distribution: row.numbers('distribution'),
});

export const plansUse = (signal?: AbortSignal): Promise<readonly PlanUse[]> =>
  call(
    '/v1/reports/plans',
    (answer) =>
      answer.list('rows', (row) => ({
        plan: row.text('plan'),
        name: row.text('name'),
        customers: row.number('customers'),
        near: row.number('near'),
        limits: row.list('limits', readLimit),
      })),
    { signal },
  );
