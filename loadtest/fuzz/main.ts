import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { NO_NAMES, runCommandLine } from '../../engine/platform/command-line.js';
import type { Stack } from '../harness/stack.js';
import { replay } from './replay.js';
import { printReport } from './report.js';
import { fuzz } from './run.js';
import { startFuzzed } from './target.js';

const USAGE = `npm run fuzz -- [options]    malformed requests at a running gateway, then the books are closed

  --seed N          of the requests (the clock's)
  --requests N      how many (1000000)
  --json FILE       save the report
  --findings FILE   where findings are saved (fuzz-findings.json)
  --replay FILE     send a finding of that file again
  --finding N       which one (0)

A seed makes the same requests on each connection; how those meet is the machine's.
Exit code 1: something was found; 2: wrong command line.`;

const whole = z.coerce.number().int().min(0);
const optionsSchema = z.object({
  seed: whole.default(() => Date.now() % 1_000_000),
  requests: whole.default(1_000_000),
  json: z.string().optional(),
  findings: z.string().default('fuzz-findings.json'),
  replay: z.string().optional(),
  finding: whole.default(0),
});
type Options = z.output<typeof optionsSchema>;

const PROGRESS_EVERY = 20_000;
const savedSchema = z.object({
  findings: z.array(z.object({ what: z.string(), kind: z.string(), pieces: z.array(z.string()) })),
});

async function replayFinding(stack: Stack, file: string, index: number): Promise<number> {
  const { findings } = savedSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const finding = findings[index];
  if (finding === undefined) throw new Error(`${file} has ${findings.length} findings`);
  return replay(stack, finding);
}

async function sendMany(stack: Stack, { seed, requests, json, findings }: Options): Promise<number> {
  console.log(`seed ${seed}`);
  const startedMs = performance.now();
  let told = 0;
  const report = await fuzz({
    stack,
    seed,
    frames: requests,
    progress: (frames) => {
      if (frames - told < PROGRESS_EVERY) return;
      told = frames;
      console.error(`[${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(5)} s] ${frames} requests`);
    },
  });
  printReport(report);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  if (report.findings.length > 0) {
    writeFileSync(findings, `${JSON.stringify({ seed, findings: report.findings }, null, 2)}\n`);
    console.log(`Replay: npm run fuzz -- --replay ${findings} --finding N`);
  }
  return report.findings.length === 0 ? 0 : 1;
}

await runCommandLine({ usage: USAGE, options: optionsSchema, names: NO_NAMES }, async (options) => {
  const target = await startFuzzed();
  try {
    if (options.replay !== undefined) return await replayFinding(target.stack, options.replay, options.finding);
    return await sendMany(target.stack, options);
  } finally {
    await target.stop();
  }
});
