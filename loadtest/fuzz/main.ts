import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { replay } from './replay.js';
import { printReport } from './report.js';
import { fuzz } from './run.js';
import { startFuzzed } from './target.js';

/**
 * `npm run fuzz -- --seed N --requests N [--json FILE] [--findings FILE]`, or `-- --replay FILE [--finding N]`: exit
 * code 1 where anything was found. A seed makes the same requests on each connection; how those meet is the machine's.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    requests: { type: 'string', default: '1000000' },
    json: { type: 'string' },
    findings: { type: 'string', default: 'fuzz-findings.json' },
    replay: { type: 'string' },
    finding: { type: 'string', default: '0' },
  },
});

const whole = (name: 'seed' | 'requests' | 'finding'): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number`);
  return number;
};

const PROGRESS_EVERY = 20_000;
const savedSchema = z.object({
  findings: z.array(z.object({ what: z.string(), kind: z.string(), pieces: z.array(z.string()) })),
});

const target = await startFuzzed();
try {
  if (values.replay !== undefined) {
    const { findings } = savedSchema.parse(JSON.parse(readFileSync(values.replay, 'utf8')));
    const finding = findings[whole('finding')];
    if (finding === undefined) throw new Error(`${values.replay} has ${findings.length} findings`);
    process.exitCode = await replay(target.stack, finding);
  } else {
    const seed = whole('seed');
    console.log(`seed ${seed}`);
    const startedMs = performance.now();
    let told = 0;
    const report = await fuzz({
      stack: target.stack,
      seed,
      frames: whole('requests'),
      progress: (frames) => {
        if (frames - told < PROGRESS_EVERY) return;
        told = frames;
        console.error(`[${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(5)} s] ${frames} requests`);
      },
    });
    printReport(report);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
    if (report.findings.length > 0) {
      writeFileSync(values.findings, `${JSON.stringify({ seed, findings: report.findings }, null, 2)}\n`);
      console.log(`Replay: npm run fuzz -- --replay ${values.findings} --finding N`);
    }
    process.exitCode = report.findings.length === 0 ? 0 : 1;
  }
} finally {
  await target.stop();
}
