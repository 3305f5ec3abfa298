import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { SampleCustomer } from './population.js';

const objects = z.array(z.looseObject({ id: z.string() }));
const catalogSchema = z.looseObject({
  features: objects,
  plans: z.array(z.looseObject({ id: z.string(), features: z.record(z.string(), z.unknown()) })),
});

/** A feature that only the largest plan has, and others ask for. */
export const WANTED_FEATURE = 'batch';

/** The sample catalog with many customers in place of its few. @param file of engine/catalog/sample.yaml */
export function sampleCatalog(file: string, customers: readonly SampleCustomer[]): string {
  const catalog = catalogSchema.parse(parse(readFileSync(file, 'utf8')));
  const features = [...catalog.features, { id: WANTED_FEATURE, name: 'Batch jobs', kind: 'boolean' }];
  const plans = catalog.plans.map((plan) => ({
    ...plan,
    features: { ...plan.features, [WANTED_FEATURE]: plan.id === 'enterprise' },
  }));
  const text = stringify({
    ...catalog,
    features,
    plans,
    customers: customers.map(({ id, name, plan, addons, timezone, startsAtMs }) => ({
      id,
      name,
      plan,
      addons,
      timezone,
      startsAt: new Date(startsAtMs).toISOString(),
    })),
  });
  return `# Made by "npm start -- --sample": yours to change.\n${text}`;
}
