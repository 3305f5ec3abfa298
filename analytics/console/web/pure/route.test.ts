import { expect, it } from 'vitest';
import {
  ACCOUNTS,
  CUSTOMERS,
  customerRoute,
  DENIALS,
  FINANCE,
  formatRoute,
  OVERVIEW,
  PLANS,
  parseRoute,
  type Route,
  SIGNALS,
} from './route.js';

const routes: readonly (readonly [string, Route])[] = [
  ['#/', OVERVIEW],
  ['#/accounts', ACCOUNTS],
  [
    '#/accounts?threshold=50&q=acme+pro&sort=left&order=asc',
    { ...ACCOUNTS, threshold: 50, query: 'acme pro', sorting: { column: 'left', descending: false } },
  ],
  ['#/customers/acme', customerRoute('acme')],
  [
    '#/customers/a%2Fb%20%C3%A9?feature=chat&limit=team%2Fmonthly&range=7d&by=hour&measure=each',
    customerRoute('a/b é', { feature: 'chat', limit: 'team/monthly', range: '7d', by: 'hour', measure: 'each' }),
  ],
  ['#/customers', CUSTOMERS],
  ['#/customers?q=a+b&plan=pro', { ...CUSTOMERS, query: 'a b', plan: 'pro' }],
  ['#/plans', PLANS],
  ['#/signals', SIGNALS],
  ['#/signals?kind=churn&state=done', { view: 'signals', kind: 'churn', state: 'done' }],
  ['#/denials?reason=suspended', { ...DENIALS, reason: 'suspended' }],
  ['#/finance?period=2026-10&customer=acme&plan=pro', { ...FINANCE, period: '2026-10', customer: 'acme', plan: 'pro' }],
  ['#/changes?version=17', { view: 'changes', version: 17 }],
];

it.each(routes)('%s is one address, both ways', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
  expect(formatRoute(route)).toBe(hash);
});

it.each([
  ['', OVERVIEW],
  ['#/accounts?threshold=81&sort=colour', ACCOUNTS],
  ['#/customers/acme?range=year', customerRoute('acme')],
  ['#/customers/%E0%A4%A', customerRoute('%E0%A4%A')],
  ['#/changes?version=x', { view: 'changes', version: undefined }],
  ['#/signals?kind=x&state=y', SIGNALS],
  ['#/finance?period=2026-13', FINANCE],
  ['#/nowhere', { view: 'lost' }],
] as const)('%s falls back to what is known', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});
