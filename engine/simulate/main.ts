import { z } from 'zod';
import { startRedisCluster } from '../../loadtest/harness/redis-cluster.js';
import { startRedis } from '../../loadtest/harness/services.js';
import { NO_NAMES, runCommandLine } from '../platform/command-line.js';
import { type SimulationReport, simulate } from './run.js';

const USAGE = `npm run simulate -- [options]    the engine on a real Redis beside its model, with faults

  --seed N        of operations, catalogs and faults (the clock's)
  --steps N       operations (20000)
  --customers N   who they are for (2000)
  --changes P     chance that the catalog changes between two rounds (0.15)
  --cluster       on a Redis Cluster

Exit code 1: engine and model part; 2: wrong command line.`;

const whole = z.coerce.number().int().min(0);
const optionsSchema = z.object({
  seed: whole.default(() => Date.now() % 1_000_000),
  steps: whole.default(20_000),
  customers: whole.min(1).default(2_000),
  changes: z.coerce.number().min(0).max(1).optional(),
  cluster: z.boolean().default(false),
});

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

async function run({ seed, steps, customers, changes, cluster }: z.output<typeof optionsSchema>): Promise<number> {
  console.log(`seed ${seed}`);
  const service = await (cluster ? startRedisCluster() : startRedis());
  try {
    let told = 0;
    const progress = (decided: number): void => {
      if (decided - told < PROGRESS_EVERY_STEPS) return;
      told = decided;
      console.log(`${decided} steps`);
    };
    const report = await simulate({ url: service.url, seed, steps, customers, changes, progress });
    print(report);
    return report.mismatches.length === 0 ? 0 : 1;
  } finally {
    await service.stop();
  }
}

await runCommandLine({ usage: USAGE, options: optionsSchema, names: NO_NAMES }, run);
