import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { catalogSchema } from '../contract/catalog.js';
import { readAsset } from '../platform/assets.js';

it('the sample catalog holds, and acme may chat', () => {
  const catalog = catalogSchema.parse(parse(readAsset('engine/catalog/sample.yaml')));
  const features = new Set(catalog.features.map(({ id }) => id));
  const meters = new Set(catalog.meters.map(({ id }) => id));
  for (const { meter } of catalog.features) if (meter !== undefined) expect(meters).toContain(meter);
  for (const granted of [...catalog.plans, ...catalog.addons]) {
    for (const id of Object.keys(granted.features)) expect(features).toContain(id);
  }
  const acme = catalog.customers.find(({ id }) => id === 'acme');
  const plan = catalog.plans.find(({ id }) => id === acme?.plan);
  expect(acme?.status).toBe('active');
  expect(Object.keys(plan?.features ?? {})).toContain('chat');
});
