import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { runCommandLine } from '../../engine/platform/command-line.js';
import { backlog } from './backlog.js';
import { printReport } from './report.js';
import { chaos, isWhole } from './run.js';
import { startTarget } from './target.js';

const USAGE = `npm run chaos -- [options]            faults under load, then the books are closed
npm run chaos -- backlog [options]    how fast a backlog drains, and what checks notice of it

  --seed N          of faults and requests (the clock's)
  --minutes N       end of the faults (2, or none with --faults)
  --faults N        end after so many
  --only TEXT       only faults whose description has it, such as "nats"
  --json FILE       save the report
  --log FILE        save the end of what the processes printed

  --seconds N       backlog: of calm, and of load while it drains (4)
  --away N          backlog: seconds that NATS, then sink and ClickHouse, are away (20)
  --rounds N        backlog: of each (3)

A seed makes the same faults in the same order; clients draw from it too, and go on by their answers. How all that meets
is the machine's.
Exit code 1: something was lost, doubled or over-admitted; 2: wrong command line.`;

const MINUTES = 2;
const NO_END = 1_000_000;

const optionsSchema = z.object({
  seed: z.coerce
    .number()
    .int()
    .min(0)
    .max(0xffff_ffff)
    .default(() => Date.now() % 1_000_000),
  minutes: z.coerce.number().positive().max(NO_END).optional(),
  faults: z.coerce.number().int().min(1).max(NO_END).optional(),
  only: z.string().default(''),
  json: z.string().optional(),
  log: z.string().optional(),
  seconds: z.coerce.number().min(1).max(600).default(4),
  away: z.coerce.number().min(1).max(600).default(20),
  rounds: z.coerce.number().int().min(1).max(100).default(3),
});
type Options = z.output<typeof optionsSchema>;

const startedMs = performance.now();
const progress = (text: string): void => {
  console.error(`[${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s] ${text}`);
};

async function runChaos({ seed, minutes, faults, only, json, log }: Options): Promise<boolean> {
  console.log(`seed ${seed}`);
  const target = await startTarget();
  const interrupt = (): void => void target.stop().finally(() => process.exit(130));
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const ends = { minutes: minutes ?? (faults === undefined ? MINUTES : NO_END), faults: faults ?? NO_END };
    const report = await chaos({ target, seed, only, ...ends, progress });
    printReport(report);
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
    return isWhole(report);
  } finally {
    if (log !== undefined) writeFileSync(log, target.stack.output());
    await target.stop();
  }
}

const CHAOS = { usage: USAGE, options: optionsSchema, names: z.array(z.literal('backlog')).max(1) };

await runCommandLine(CHAOS, async (options, [mode]) => {
  const isWhole = await (mode === 'backlog'
    ? backlog({ ...options, awaySeconds: options.away, progress })
    : runChaos(options));
  return isWhole ? 0 : 1;
});
