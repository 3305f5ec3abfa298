import { expect, it } from 'vitest';
import { probeOf } from './probe.js';

const step = (admitted: number, denied: number) => ({
  admitted: { dry: admitted },
  denied: { over: denied },
  requests: 10,
  unknownAmount: 0,
});

it('admitted past the quota, or charged by denials so that nobody gets it: an exact limiter does neither', () => {
  expect(probeOf(100, 8, 'dry', [step(50, 0), step(0, 10), step(50, 3)])).toMatchObject({
    requests: 30,
    admitted: 100,
    denied: 13,
    overAdmitted: 0,
    chargedByDenials: 0,
  });
  expect(probeOf(100, 8, 'dry', [step(50, 0), step(0, 10), step(0, 10)])).toMatchObject({ chargedByDenials: 50 });
  expect(probeOf(100, 8, 'dry', [step(50, 0), step(101, 9)])).toMatchObject({ overAdmitted: 51, chargedByDenials: 0 });
});
