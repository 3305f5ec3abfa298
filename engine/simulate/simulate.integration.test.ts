import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startRedis } from '../../loadtest/harness/services.js';
import { simulate } from './run.js';

const RANDOM_SEED = Date.now() % 1_000_000;

let service: Service;
beforeAll(async () => {
  service = await startRedis();
});
afterAll(() => service.stop());

test.each([1, 5, RANDOM_SEED])(
  'several gateways with faults answer as the model says (seed %i)',
  async (seed) => {
    const report = await simulate({ url: service.url, seed, steps: 2_000, customers: 150 });
    const about = `npm run simulate -- --seed ${seed} --steps 2000 --customers 150`;
    expect(report.mismatches, about).toEqual([]);
    expect(report.steps).toBeGreaterThanOrEqual(2_000);
    expect(report.facts).toBeGreaterThan(0);
    expect(report.denials).toBeGreaterThan(0);
  },
  60_000,
);
