import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type Config, ConfigError, loadConfig, unknownVariables } from '../../engine/platform/config.js';
import { createLogger } from '../../engine/platform/log.js';
import { banner } from './banner.js';
import { ROLE_MAINS } from './roles.js';
import { Sample } from './sample/sample.js';
import { Supervisor } from './supervisor.js';

/** `npm start`: the whole system on one machine. Exit codes: 0 stopped as asked, 1 could not start or was forced. */

/** npm passes a terminal's Ctrl-C on a second time: signals this close together are one wish. */
const SAME_SIGNAL_MS = 1_000;
/** A start that takes longer says what it waits for, so often. */
const PROGRESS_MS = 2_000;

/** dist/, from dist/ingest/supervisor/main.js. */
const BUILD_FOLDER = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

function readConfig(environment: NodeJS.ProcessEnv): Config {
  try {
    return loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) fail(`Weir cannot start with these settings:\n  ${error.faults.join('\n  ')}`);
    throw error;
  }
}

function takeHome(config: Config, environment: NodeJS.ProcessEnv): Supervisor {
  try {
    return new Supervisor({
      config,
      environment,
      build: { folder: BUILD_FOLDER, mains: ROLE_MAINS },
      log,
    });
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}

/** Stops everything at the first signal, kills it at a second one. */
function stopOnSignals(supervisor: Supervisor): void {
  let forced = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (signalledAtMs === undefined) {
      signalledAtMs = performance.now();
      console.log(`\nStopping (${signal}); once more to kill.`);
      supervisor.stop().then(
        () => process.exit(forced ? 1 : 0),
        (error) => fail(`Stopping failed: ${String(error)}`),
      );
    } else if (performance.now() - signalledAtMs > SAME_SIGNAL_MS) {
      forced = true;
      supervisor.kill();
    }
  };
  // SIGHUP: the terminal was closed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  // Its output is gone with the terminal; the stop must not fail over that.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  process.once('uncaughtException', (error) => {
    log.fatal({ error }, 'a fault in the supervisor: stopping everything');
    supervisor.stop().finally(() => process.exit(1));
  });
}

/** Starts everything, and says what it waits for. */
async function start(supervisor: Supervisor): Promise<Config> {
  const startMs = performance.now();
  const progress = setInterval(() => {
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(0);
    console.error(
      `Starting, ${seconds} s: waiting for ${supervisor.waitingFor().join(', ') || 'an earlier run to end'}`,
    );
  }, PROGRESS_MS);
  try {
    return await supervisor.start();
  } finally {
    clearInterval(progress);
  }
}

const OPTIONS_TEXT = `npm start [-- options]

  --sample              a new Weir with customers who have used it for months (2 000 customers, 90 days)
  --sample-customers N  that many customers
  --sample-days N       that many days`;

const optionsSchema = z.object({
  sample: z.boolean().default(false),
  'sample-customers': z.coerce.number().int().min(1).max(100_000).default(2_000),
  'sample-days': z.coerce.number().int().min(1).max(400).default(90),
});

function readOptions(): z.infer<typeof optionsSchema> {
  try {
    const { values } = parseArgs({
      options: {
        sample: { type: 'boolean' },
        'sample-customers': { type: 'string' },
        'sample-days': { type: 'string' },
      },
    });
    return optionsSchema.parse(values);
  } catch (error) {
    const message = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    fail(`${message}\n\n${OPTIONS_TEXT}`);
  }
}

/** Loads a sample's past, and says how far it is. */
async function loadSample(sample: Sample, redisUrl: string): Promise<void> {
  let saidAtMs = 0;
  await sample.load(redisUrl, (share) => {
    if (performance.now() - saidAtMs < PROGRESS_MS && share < 1) return;
    saidAtMs = performance.now();
    console.error(`Loading the sample: ${Math.floor(share * 100)} %`);
  });
}

let signalledAtMs: number | undefined;
const options = readOptions();
// A sample is there to be looked at: forecasts and signals come a minute after it is loaded.
const environment = options.sample ? { WEIR_FORECAST_SECONDS: '60', ...process.env } : process.env;
const config = readConfig(environment);
const log = createLogger('supervisor', config);
for (const warning of unknownVariables(process.env)) log.warn(warning);
const supervisor = takeHome(config, environment);
stopOnSignals(supervisor);
try {
  const sample = options.sample
    ? Sample.prepare(
        supervisor.home,
        config,
        { customers: options['sample-customers'], days: options['sample-days'] },
        Date.now(),
      )
    : undefined;
  const running = await start(supervisor);
  if (sample !== undefined && !sample.isLoaded) await loadSample(sample, running.redisUrl ?? '');
  console.log(
    banner({
      home: supervisor.home,
      config: running,
      ownKey: config.adminKey !== undefined,
      workingFolder: process.cwd(),
      pid: process.pid,
    }),
  );
} catch (error) {
  // Told to stop while starting: that is no failure, and the signal's own stop ends the process.
  if (signalledAtMs !== undefined) await new Promise(() => undefined);
  const message = error instanceof Error ? error.message : String(error);
  await supervisor.stop();
  fail(`Weir could not start: ${message}`);
}
