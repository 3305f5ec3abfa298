import { expect, it } from 'vitest';
import { measureMemory } from './memory.js';

it('memory is measured customer by customer and id by id, and the state of three limits is small', async () => {
  const { rows } = await measureMemory({ customers: 2_000, ids: 4_000 }, () => undefined);
  const bytes = new Map(rows.map((row) => [row.what, row.bytes]));
  const of = (what: string): number => bytes.get(what) ?? Number.NaN;
  expect(of('a customer with three limits, each used')).toBeCloseTo(
    of('of that: the state of its limits') + of('of that: its entry in the catalog'),
    6,
  );
  // Half as much again as it is: a state that is no longer packed would be far past it.
  expect(of('of that: the state of its limits')).toBeLessThan(400);
  for (const [what, each] of bytes) expect(each, what).toBeGreaterThan(16);
});
