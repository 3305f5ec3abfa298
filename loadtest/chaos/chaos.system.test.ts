import { afterAll, beforeAll, expect, test } from 'vitest';
import { chaos, LIVE_MS_MAX } from './run.js';
import { KINDS_COUNT } from './schedule.js';
import { startTarget, type Target } from './target.js';

const SEED = 1;
/** Every kind of fault once. */
const FAULTS = KINDS_COUNT;

let target: Target | undefined;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(async () => {
  await target?.stop();
});

test('whatever dies, is cut off or fills up under load: nothing is lost, nothing is there twice, nothing is over-admitted', async () => {
  if (target === undefined) throw new Error('there is no stack');
  const report = await chaos({ target, seed: SEED, faults: FAULTS, minutes: 10, progress: () => undefined });
  // Not asserted: it says as much about the machine.
  console.info(`${report.lateRounds.length} of ${report.rounds} repairs took longer than ${LIVE_MS_MAX / 1_000} s`);
  expect(report.liveMs).toHaveLength(report.rounds);
  expect(report.findings).toEqual([]);
  const { examples, ...counts } = report.verdict;
  expect(examples).toEqual([]);
  expect(Object.entries(counts).filter(([, count]) => count !== 0)).toEqual([]);
  expect(report).toMatchObject({ drift: 0, findingsTotal: 0, missed: [] });
  expect(report.faults).toBeGreaterThanOrEqual(FAULTS);
  expect(report.answers.charges).toBeGreaterThan(1_000);
  expect(report.answers.degraded).toBeGreaterThan(10);
  expect(report.answers.denied).toBeGreaterThan(10);
}, 600_000);
