import { expect, it } from 'vitest';
import { measureOperations } from './operations.js';

it('every kind of operation is measured, and held against a plain check', async () => {
  const { rows } = await measureOperations({ rounds: 2, each: 100 }, () => undefined);
  expect(rows.length).toBeGreaterThan(10);
  expect(rows[0]?.ofCheck).toEqual({ median: 1, min: 1, max: 1 });
  for (const { what, micros } of rows) expect(micros.min, what).toBeGreaterThan(0);
});
