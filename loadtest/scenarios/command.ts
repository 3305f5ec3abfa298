import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { writeDocument } from '../report/document.js';
import { machineFacts } from '../report/machine.js';
import type { Comparison, DrawnDry, Report } from '../report/report.js';
import { terminalReport } from '../report/terminal.js';
import { type Workload, workloadSchema } from './job.js';
import { drawDry, type Extents, type Measurement, measure, PLANS } from './scenarios.js';
import { Session } from './session.js';

const USAGE = `npm run loadtest -- [single] [batch] [ingest] [exact] [options]     (default: all four)

  --seconds N       of each round of each side (4)
  --rounds N        rounds, subject and ceiling in turns (3)
  --connections N   instead of the scenario's own
  --gateways N      gateway processes (1)
  --customers N     customers that are drawn from (1000)
  --quota N         quota that "exact" draws dry (20000)
  --no-sweep        "single" at one number of connections only
  --json FILE       save the report
  --write-docs      write the report into docs/benchmarks.md

Starts a stack of its own on loopback. Exit code 1: more was admitted than a quota holds, or the facts differ from
what was admitted; speed never fails a run.`;

/** Connections that draw a quota dry. */
const DRY_CONNECTIONS = 64;
/** From the last answer to the last fact in ClickHouse. */
const LAG_MS_MAX = 120_000;
/** Rounds and seconds at the further counts of connections. */
const SWEEP = { rounds: 1, secondsMax: 2 };

const whole = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);
const optionsSchema = z.object({
  seconds: z.coerce.number().min(0.2).max(600).default(4),
  rounds: whole(3, 100),
  connections: z.coerce.number().int().min(1).max(4_096).optional(),
  gateways: whole(1, 64),
  customers: whole(1_000, 100_000),
  quota: whole(20_000, 10_000_000),
  'no-sweep': z.boolean().default(false),
  json: z.string().optional(),
  'write-docs': z.boolean().default(false),
});
type Options = z.output<typeof optionsSchema>;

/** The load test. @returns the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const parsed = readArguments(args);
  if (parsed === undefined) {
    console.error(USAGE);
    return 2;
  }
  const { scenarios, options } = parsed;
  const startedMs = performance.now();
  const progress = (text: string) => {
    console.error(`[${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s] ${text}`);
  };
  progress('starting a stack');
  const { gateways, customers, quota } = options;
  const session = await Session.open({ gateways, customers, dryQuota: quota });
  const interrupt = () => {
    progress('stopping');
    void session.close().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  let report: Report;
  try {
    report = await runScenarios(session, scenarios, options, progress);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await session.close();
  }
  console.log(terminalReport(report));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options['write-docs']) progress(`wrote ${writeDocument(report)}`);
  return report.verdict?.exact === true && isDrawnExactly(report.drawnDry) ? 0 : 1;
}

function readArguments(args: readonly string[]): { scenarios: Workload[]; options: Options } | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        connections: { type: 'string' },
        gateways: { type: 'string' },
        customers: { type: 'string' },
        quota: { type: 'string' },
        'no-sweep': { type: 'boolean' },
        json: { type: 'string' },
        'write-docs': { type: 'boolean' },
      },
    });
    const scenarios = z.array(workloadSchema).parse(positionals);
    return {
      scenarios: scenarios.length === 0 ? [...workloadSchema.options] : scenarios,
      options: optionsSchema.parse(values),
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

async function runScenarios(
  session: Session,
  scenarios: readonly Workload[],
  options: Options,
  progress: (text: string) => void,
): Promise<Report> {
  const startedAt = new Date();
  const extents: Extents = { rounds: options.rounds, seconds: options.seconds, progress };
  const comparisons: Comparison[] = [];
  let drawnDry: DrawnDry | null = null;
  for (const scenario of scenarios) {
    if (scenario === 'exact') {
      progress(`exact: drawing a quota of ${options.quota} dry`);
      drawnDry = await drawDry(session, options.connections ?? DRY_CONNECTIONS);
    } else comparisons.push(...(await measureAll(session, scenario, options, extents)));
  }
  progress('waiting for the facts');
  const verdict = await session.ledger.judge(session.target, LAG_MS_MAX);
  return {
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1_000,
    machine: machineFacts(await session.meter.version()),
    settings: {
      gateways: options.gateways,
      customers: options.customers,
      rounds: options.rounds,
      secondsPerRound: options.seconds,
    },
    comparisons,
    drawnDry,
    verdict,
  };
}

async function measureAll(
  session: Session,
  scenario: Measurement,
  options: Options,
  extents: Extents,
): Promise<Comparison[]> {
  const { connections, sweep } = PLANS[scenario];
  const found = [await measure(session, scenario, options.connections ?? connections, extents)];
  if (options['no-sweep'] || options.connections !== undefined) return found;
  const brief = { ...extents, rounds: SWEEP.rounds, seconds: Math.min(extents.seconds, SWEEP.secondsMax) };
  for (const further of sweep) found.push(await measure(session, scenario, further, brief));
  return found;
}

/** Nothing past the quota, and no less either: every check was answered, and there were twice as many. */
function isDrawnExactly(drawn: DrawnDry | null): boolean {
  return drawn === null || drawn.admitted === drawn.quota;
}
