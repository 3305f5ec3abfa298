import { afterAll, beforeAll, expect, it } from 'vitest';
import { fuzz } from './run.js';
import { startFuzzed } from './target.js';

const SEED = 1;
const FRAMES = 20_000;

let target: Awaited<ReturnType<typeof startFuzzed>> | undefined;
beforeAll(async () => {
  target = await startFuzzed();
});
afterAll(async () => {
  await target?.stop();
});

it('hostile input neither harms a gateway nor gets past the books', async () => {
  if (target === undefined) throw new Error('there is no stack');
  const report = await fuzz({ stack: target.stack, seed: SEED, frames: FRAMES, progress: () => undefined });
  expect(report.findings).toEqual([]);
  expect(report.frames).toBeGreaterThanOrEqual(FRAMES);
  expect(report.acceptedEvents).toBeGreaterThan(1_000);
  expect(report.chargedChecks).toBeGreaterThan(500);
});
