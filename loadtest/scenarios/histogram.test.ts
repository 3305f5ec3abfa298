import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from './histogram.js';

describe('LatencyHistogram', () => {
  it('finds a quantile within 2 % above the exact one', () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1; ms <= 1_000; ms++) histogram.add(ms / 10);
    for (const [share, exactMs] of [
      [0.5, 50],
      [0.99, 99],
      [1, 100],
    ] as const) {
      expect(histogram.quantile(share)).toBeGreaterThanOrEqual(exactMs);
      expect(histogram.quantile(share)).toBeLessThanOrEqual(exactMs * 1.021);
    }
    expect(histogram.maxMs).toBe(100);
  });

  it('is 0 without values, and never above the largest one', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.quantile(0.5)).toBe(0);
    histogram.add(3.001);
    expect(histogram.quantile(0.99)).toBe(3.001);
    histogram.add(0);
    histogram.add(1e9);
    expect(histogram.quantile(0.01)).toBeGreaterThan(0);
  });
});
