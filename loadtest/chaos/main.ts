import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { printReport } from './report.js';
import { chaos, isWhole } from './run.js';
import { startTarget } from './target.js';

/**
 * `npm run chaos -- [--seed N] [--minutes N] [--faults N] [--json FILE] [--log FILE]`: exit code 1 where anything was lost, doubled or
 * over-admitted. A seed makes the same faults in the same order, and the same requests of each client; how those meet is
 * the machine's.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string' },
    faults: { type: 'string' },
    json: { type: 'string' },
    log: { type: 'string' },
  },
});
const MINUTES = 2;
const NO_END = 1_000_000;
const options = z
  .object({
    seed: z.coerce
      .number()
      .int()
      .min(0)
      .max(0xffff_ffff)
      .default(Date.now() % 1_000_000),
    minutes: z.coerce
      .number()
      .positive()
      .default(values.faults === undefined ? MINUTES : NO_END),
    faults: z.coerce.number().int().min(1).max(NO_END).default(NO_END),
    json: z.string().optional(),
    /** For what the processes printed, the end of it. */
    log: z.string().optional(),
  })
  .parse(values);

const startedMs = performance.now();
const progress = (text: string): void => {
  console.error(`[${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s] ${text}`);
};
console.log(`seed ${options.seed}`);
const target = await startTarget();
const interrupt = (): void => void target.stop().finally(() => process.exit(130));
process.once('SIGINT', interrupt);
process.once('SIGTERM', interrupt);
try {
  const report = await chaos({ target, ...options, progress });
  printReport(report);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = isWhole(report) ? 0 : 1;
} finally {
  if (options.log !== undefined) writeFileSync(options.log, target.stack.output());
  await target.stop();
}
