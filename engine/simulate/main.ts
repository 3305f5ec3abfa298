import { parseArgs } from 'node:util';
import { startRedisCluster } from '../../loadtest/harness/redis-cluster.js';
import { startRedis } from '../../loadtest/harness/services.js';
import { type SimulationReport, simulate } from './run.js';

/** `npm run simulate -- --seed N --steps N [--customers N] [--cluster]`: exit code 1 where engine and model part. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    steps: { type: 'string', default: '20000' },
    customers: { type: 'string', default: '2000' },
    cluster: { type: 'boolean', default: false },
  },
});

function count(name: 'seed' | 'steps' | 'customers'): number {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number`);
  return number;
}

const PROGRESS_EVERY_STEPS = 10_000;

function print(report: SimulationReport): void {
  const { mismatches, faults, byOperation, durationMs, ...counts } = report;
  const seconds = durationMs / 1_000;
  console.log(`${(counts.steps / seconds).toFixed(0)} steps/s over ${seconds.toFixed(1)} s`);
  console.table(counts);
  console.table(byOperation);
  console.table(faults);
  for (const { step, customer, what, expected, observed, history } of mismatches) {
    console.log(`\nMISMATCH at step ${step}, customer ${customer}: ${what}`);
    console.log(`expected ${expected}\nobserved ${observed}\nhistory:\n  ${history.join('\n  ')}`);
  }
  console.log(mismatches.length === 0 ? 'no mismatch' : `${mismatches.length} mismatches`);
}

const seed = count('seed');
console.log(`seed ${seed}`);
const service = await (values.cluster ? startRedisCluster() : startRedis());
try {
  let told = 0;
  const report = await simulate({
    url: service.url,
    seed,
    steps: count('steps'),
    customers: count('customers'),
    progress: (steps) => {
      if (steps - told < PROGRESS_EVERY_STEPS) return;
      told = steps;
      console.log(`${steps} steps`);
    },
  });
  print(report);
  process.exitCode = report.mismatches.length === 0 ? 0 : 1;
} finally {
  await service.stop();
}
