import { expect, test } from 'vitest';
import { AMOUNT_MAX, type QuotaLimit, quotaSchema } from '../../engine/index.js';
import { alertId } from './alert.js';
import { crossingsOf, leastPercent } from './crossings.js';

const quota = (fields: object): QuotaLimit =>
  quotaSchema.parse({ id: 'monthly', kind: 'quota', amount: 0, window: { every: 'month' }, ...fields });
const amounts = (fields: object, included: number) =>
  crossingsOf(quota(fields), included).map(({ kind, threshold, amount }) => [kind, threshold, amount]);

test('a hard quota has its thresholds, rounded up to whole amounts, and its cap', () => {
  expect(amounts({ warnAt: [80, 50] }, 99)).toEqual([
    ['threshold_crossed', 50, 50],
    ['threshold_crossed', 80, 80],
    ['cap_reached', null, 99],
  ]);
});

test('a soft quota is in overage from the first unit past what is included; one without a cap reaches none', () => {
  expect(amounts({ overage: { upTo: 10 } }, 100)).toEqual([
    ['overage_entered', null, 101],
    ['cap_reached', null, 110],
  ]);
  expect(amounts({ overage: 'allow' }, 100)).toEqual([['overage_entered', null, 101]]);
  expect(amounts({ overage: 'allow' }, AMOUNT_MAX)).toEqual([]);
});

test('a quota that includes nothing has no alerts', () => {
  expect(amounts({ warnAt: [50], overage: 'allow' }, 0)).toEqual([]);
});

test('below the least percent of all quotas nothing happens', () => {
  expect(leastPercent([quota({ warnAt: [80] }), quota({ warnAt: [90, 60] }), quota({})])).toBe(60);
  expect(leastPercent([quota({ warnAt: [150] })])).toBe(100);
});

test('an alert is another one by each part of what it is about, and by nothing else', () => {
  const identity = {
    customer: 'acme',
    entity: '',
    feature: 'chat',
    limit: 'monthly',
    windowStartMs: 1,
    windowEndMs: 2,
    kind: 'threshold_crossed',
    threshold: 80,
  } as const;
  const others = [
    { customer: 'b' },
    { entity: 'e' },
    { feature: 'f' },
    { limit: 'l' },
    { windowStartMs: 0 },
    { threshold: 90 },
  ];
  const ids = [identity, ...others.map((other) => ({ ...identity, ...other }))].map(alertId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(alertId({ ...identity })).toBe(ids[0]);
});
