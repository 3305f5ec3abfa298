import { expect, it } from 'vitest';
import { grantSchema } from '../contract/catalog.js';
import { grantsAt } from './grants.js';
import { NEVER_MS } from './window.js';

const grant = (id: string, amount: number, more: object = {}) =>
  grantSchema.parse({ id, feature: 'chat', limit: 'monthly', amount, ...more });
const at = (time: string): number => Date.parse(`2026-11-${time}Z`);
const grants = [
  grant('ever', 5),
  grant('week', 70, { startsAt: '2026-11-10T00:00:00Z', endsAt: '2026-11-17T00:00:00Z' }),
  grant('from', 900, { startsAt: '2026-11-12T00:00:00+02:00' }),
  grant('burst', 3, { limit: 'other' }),
  grant('elsewhere', 1_000, { feature: 'api', endsAt: '2026-11-11T00:00:00Z' }),
];

it.each([
  ['09T23:59:59.999', 5, Number.NEGATIVE_INFINITY, at('10T00:00:00')],
  ['10T00:00:00', 75, at('10T00:00:00'), at('11T22:00:00')],
  ['11T22:00:00', 975, at('11T22:00:00'), at('17T00:00:00')],
  ['17T00:00:00', 905, at('17T00:00:00'), NEVER_MS],
])('at %s a limit has %d more', (time, monthly, fromMs, untilMs) => {
  expect(grantsAt({ grants }, 'chat', at(time))).toEqual({
    amounts: new Map([
      ['monthly', monthly],
      ['other', 3],
    ]),
    fromMs,
    untilMs,
  });
});

it('a customer without grants has none for ever', () => {
  expect(grantsAt({}, 'chat', 0)).toEqual({
    amounts: new Map(),
    fromMs: Number.NEGATIVE_INFINITY,
    untilMs: NEVER_MS,
  });
});

it('a grant that ends before it begins is none', () => {
  const fault = { startsAt: '2026-11-17T00:00:00Z', endsAt: '2026-11-17T00:00:00Z' };
  expect(() => grant('none', 1, fault)).toThrow(/must be after startsAt/);
});
