import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startRedis } from '../../loadtest/harness/services.js';
import { simulate } from './run.js';

const RANDOM_SEED = Date.now() % 1_000_000;

let service: Service;
beforeAll(async () => {
  service = await startRedis();
});
afterAll(() => service.stop());

test.each([
  [1, 0.15],
  [5, 0.15],
  [12, 0.6],
  [RANDOM_SEED, 0.15],
])(
  'several gateways with faults answer as the model says (seed %i, catalog changes in %f of rounds)',
  async (seed, changes) => {
    const report = await simulate({ url: service.url, seed, steps: 2_000, customers: 150, changes });
    const about = `npm run simulate -- --seed ${seed} --steps 2000 --customers 150 --changes ${changes}`;
    expect(report.mismatches, about).toEqual([]);
    expect(report.steps).toBeGreaterThanOrEqual(2_000);
    expect(report.facts).toBeGreaterThan(0);
    expect(report.denials).toBeGreaterThan(0);
  },
  60_000,
);
