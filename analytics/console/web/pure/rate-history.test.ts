import { expect, it } from 'vitest';
import { type RatePoint, withPoint } from './rate-history.js';

const point = (atMs: number): RatePoint => ({ atMs, checks: 1, denied: 0 });

it('keeps the last span, in order of time', () => {
  const points = [1_000, 2_000, 3_000].reduce<readonly RatePoint[]>(
    (before, atMs) => withPoint(before, point(atMs), 1_500),
    [],
  );
  expect(points.map(({ atMs }) => atMs)).toEqual([2_000, 3_000]);
  expect(withPoint(points, point(3_000), 1_500)).toBe(points);
});
