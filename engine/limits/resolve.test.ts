import { expect, it } from 'vitest';
import type { CatalogView } from '../catalog/types.js';
import { catalogSchema, customerSchema } from '../contract/catalog.js';
import { Resolver } from './resolve.js';

const NOW = Date.UTC(2026, 5, 15);
const LATER = Date.UTC(2026, 7, 15);
const { meters, plans, features } = catalogSchema.parse({
  meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'calls' }],
  plans: [
    { id: 'pro', features: { chat: { limits: [{ id: 'm', kind: 'quota', amount: 10, window: { every: 'month' } }] } } },
  ],
});
const { id: _, name: __, ...shared } = customerSchema.parse({ id: 'any', plan: 'pro' });

function resolverOf(terms: Map<string, typeof shared>): Resolver {
  const view: Partial<CatalogView> = {
    version: 1,
    terms: (id) => terms.get(id),
    feature: (id) => features.find((feature) => feature.id === id),
    plan: (id) => plans.find((plan) => plan.id === id),
    features: () => features,
    meter: (id) => meters.find((meter) => meter.id === id),
    addon: () => undefined,
  };
  return new Resolver(view as CatalogView);
}

it('derives the access of customers with the same terms once', () => {
  const resolver = resolverOf(new Map(['acme', 'globex'].map((id) => [id, shared])));
  expect(resolver.access('acme', 'chat', NOW)).toBe(resolver.access('globex', 'chat', NOW));
});

it('gives other windows to the one customer that needs them, whatever asks, until its terms change', () => {
  const terms = new Map(['acme', 'globex'].map((id) => [id, shared]));
  const resolver = resolverOf(terms);
  const before = resolver.access('acme', 'chat', NOW);
  resolver.rebuild('acme', 'chat', undefined, { rule: 0, instantMs: LATER }, NOW);
  expect(resolver.access('acme', 'chat', NOW)?.set.rules).toMatchObject([
    { boundaries: [Date.UTC(2026, 6, 1), Date.UTC(2026, 7, 1), Date.UTC(2026, 8, 1), Date.UTC(2026, 9, 1)] },
  ]);
  expect(resolver.access('globex', 'chat', NOW)).toBe(before);
  const onMeter = (id: string) =>
    meters.flatMap((meter) => resolver.featuresOnMeter(id, shared, meter, NOW, undefined));
  expect(onMeter('acme').map(({ access }) => access)).toEqual([resolver.access('acme', 'chat', NOW)]);
  expect(onMeter('globex').map(({ access }) => access)).toEqual([before]);
  terms.set('acme', { ...shared });
  expect(resolver.access('acme', 'chat', NOW)).toEqual(before);
});
