import { customerId } from './population.js';

/** One thing that people ask of a ledger. */
export interface Question {
  readonly name: string;
  /** Path and query of the control plane. */
  readonly path: string;
  /** A whole export rather than a question: has no target. */
  readonly isExport?: boolean;
}

/** The usual questions, about the last whole month. */
export function questionsOf(month: {
  readonly period: string;
  readonly from: string;
  readonly to: string;
}): Question[] {
  const { period, from, to } = month;
  const usage = (more: Record<string, string>): string =>
    `/v1/usage?${new URLSearchParams({ meter: 'tokens', from, to, ...more })}`;
  /** One with much, and one with little. */
  const [large, small] = [customerId(0), customerId(5_000)];
  return [
    { name: 'one customer’s month by day', path: usage({ customer: large }) },
    { name: 'the same of a small customer', path: usage({ customer: small }) },
    { name: 'one customer’s month by day and model', path: usage({ customer: large, groupBy: 'model' }) },
    { name: 'everyone’s month by day', path: usage({}) },
    {
      name: 'everyone’s month by day of Kolkata',
      path: usage({ timezone: 'Asia/Kolkata', from: `${from}T00:00:00+05:30`, to: `${to}T00:00:00+05:30` }),
    },
    { name: 'everyone’s month by hour', path: usage({ granularity: 'hour' }) },
    { name: 'everyone’s month by day and model', path: usage({ groupBy: 'model' }) },
    { name: 'the same, in one region', path: usage({ groupBy: 'model', filter: '{"region":"eu"}' }) },
    {
      name: 'the ten largest customers of the month',
      path: usage({ groupBy: 'customer', granularity: 'month', order: 'value', limit: '10' }),
    },
    { name: 'customers near their limits now', path: '/v1/reports/near-limits?threshold=80' },
    {
      name: 'one customer’s utilization of the month',
      path: `/v1/reports/utilization?period=${period}&customer=${large}`,
    },
    {
      name: 'one customer’s finance report of the month',
      path: `/v1/reports/finance?period=${period}&customer=${large}`,
    },
    { name: 'the latest denials', path: '/v1/reports/denials?limit=100' },
    { name: 'one customer’s latest denials', path: `/v1/reports/denials?limit=100&customer=${large}` },
    {
      name: 'the utilization of a hundred customers',
      path: `/v1/reports/utilization?period=${period}&limit=100`,
    },
    {
      name: 'the utilization of all customers',
      path: `/v1/reports/utilization?period=${period}&limit=1000000`,
      isExport: true,
    },
    {
      name: 'the finance report of all customers, as CSV',
      path: `/v1/reports/finance?period=${period}&format=csv`,
      isExport: true,
    },
  ];
}

/** The last calendar month that is over, in UTC. */
export function lastMonth(nowMs: number): { period: string; from: string; to: string } {
  const now = new Date(nowMs);
  const first = (offset: number): string =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1)).toISOString().slice(0, 10);
  return { period: first(-1).slice(0, 7), from: first(-1), to: first(0) };
}
