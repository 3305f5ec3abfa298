import { expect, it } from 'vitest';
import type { LiveLimit } from '../api/customers.js';
import { worstLimit } from './worst-limit.js';

const quota = (limit: string, used: string, included: string): LiveLimit => ({
  feature: 'chat',
  limit,
  state: { kind: 'quota', included, used, reserved: '0', overage: '0', remaining: '0', resetAtMs: null },
});
const bucket: LiveLimit = { feature: 'chat', limit: 'burst', state: { kind: 'bucket', capacity: '9', remaining: '0' } };

it('a page opens on the quota that is used the most, whatever its buckets hold', () => {
  expect(worstLimit([bucket, quota('day', '1', '4'), quota('month', '9', '10'), quota('year', '9', '10')])).toEqual({
    feature: 'chat',
    limit: 'month',
  });
  expect(worstLimit([bucket])).toBeUndefined();
});
