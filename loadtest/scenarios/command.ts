import { writeFileSync } from 'node:fs';
import { measurePeers } from '../peers/measure.js';
import { writeDocument } from '../report/document.js';
import { machineFacts } from '../report/machine.js';
import { isExact, promisesOf } from '../report/promises.js';
import type { Comparison, DrawnDry, Report } from '../report/report.js';
import { terminalReport } from '../report/terminal.js';
import { measureAlerts } from './alerts.js';
import { measureCustomers } from './customers.js';
import { measureMemory } from './memory.js';
import { measureOperations } from './operations.js';
import { type Options, type Scenario, scenariosOf } from './options.js';
import { drawDry, type Extents, MEASUREMENTS, type Measurement, measure, PLANS } from './scenarios.js';
import { Session } from './session.js';

/** Connections that draw a quota dry. */
const DRY_CONNECTIONS = 64;
/** From the last answer to the last fact in ClickHouse. */
const LAG_MS_MAX = 120_000;
/** Rounds and seconds at the further counts of connections: longer than the sink lets facts gather, which has its price. */
const SWEEP = { rounds: 1, secondsMax: 6 };
/** Customers of `peers` and of `memory`. */
const PEER_CUSTOMERS = 10_000;
const MEMORY_CUSTOMERS = 50_000;
/** Of each kind in a round of `operations`. */
const OPERATIONS_EACH = 10_000;
/** The receiver of the alerts is this process. */
const ALERTS_ENV = { WEIR_ALERTS_PRIVATE_NETWORKS: 'allow' };

/** The load test. @returns the exit code. */
export async function runLoadtest(options: Options, named: readonly Scenario[]): Promise<number> {
  const startedMs = performance.now();
  const progress = (text: string) => {
    console.error(`[${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s] ${text}`);
  };
  const run = new Run(scenariosOf(named), options, progress);
  const interrupt = () => {
    progress('stopping');
    void run.close().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  let report: Report;
  try {
    report = await run.report();
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await run.close();
  }
  console.log(terminalReport(report));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options['write-docs']) progress(`wrote ${writeDocument(report)}`);
  return isExact(report) ? 0 : 1;
}

/** One run, with the stacks that it starts. */
class Run {
  readonly #scenarios: ReadonlySet<Scenario>;
  readonly #options: Options;
  readonly #extents: Extents;
  readonly #open = new Set<Session>();

  constructor(scenarios: ReadonlySet<Scenario>, options: Options, progress: (text: string) => void) {
    this.#scenarios = scenarios;
    this.#options = options;
    this.#extents = { rounds: options.rounds, seconds: options.seconds, progress };
  }

  /** The scenarios, those on one stack first: what is measured alone has the machine for itself. */
  async report(): Promise<Report> {
    const { gateways, customers, rounds, seconds, ids } = this.#options;
    const startedAt = new Date();
    const onStack = await this.#measureStack();
    const memory = this.#scenarios.has('memory')
      ? await measureMemory({ customers: MEMORY_CUSTOMERS, ids }, this.#extents.progress)
      : null;
    const operations = this.#scenarios.has('operations')
      ? await measureOperations({ rounds, each: OPERATIONS_EACH }, this.#extents.progress)
      : null;
    const peers = this.#scenarios.has('peers')
      ? await this.#withSession(PEER_CUSTOMERS, (session) => measurePeers(session, this.#extents, LAG_MS_MAX))
      : null;
    const alerts = this.#scenarios.has('alerts')
      ? await this.#withSession(customers, (session) => measureAlerts(session, this.#extents), ALERTS_ENV)
      : null;
    const found = { ...onStack, memory, operations, peers, alerts };
    return {
      startedAt: startedAt.toISOString(),
      seconds: (Date.now() - startedAt.getTime()) / 1_000,
      machine: machineFacts(),
      settings: { gateways, customers, rounds, secondsPerRound: seconds },
      promises: promisesOf(found),
      ...found,
    };
  }

  /** Stops every stack that is still up. */
  async close(): Promise<void> {
    const sessions = [...this.#open];
    this.#open.clear();
    await Promise.all(sessions.map((session) => session.close()));
  }

  async #measureStack(): Promise<Pick<Report, 'comparisons' | 'drawnDry' | 'manyCustomers' | 'verdict'>> {
    const measurements = MEASUREMENTS.filter((scenario) => this.#scenarios.has(scenario));
    const comparisons: Comparison[] = [];
    let drawnDry: DrawnDry | null = null;
    let manyCustomers: Report['manyCustomers'] = null;
    const needsStack = measurements.length > 0 || this.#scenarios.has('exact') || this.#scenarios.has('customers');
    if (!needsStack) return { comparisons, drawnDry, manyCustomers, verdict: null };
    const { customers, connections, quota, many } = this.#options;
    const { progress } = this.#extents;
    const verdict = await this.#withSession(customers, async (session) => {
      for (const scenario of measurements) comparisons.push(...(await this.#measureAll(session, scenario)));
      if (this.#scenarios.has('exact')) {
        progress(`exact: drawing a quota of ${quota} dry`);
        drawnDry = await drawDry(session, connections ?? DRY_CONNECTIONS);
      }
      if (this.#scenarios.has('customers')) {
        manyCustomers = await this.#withSession(many, (further) =>
          measureCustomers(session, further, this.#extents, LAG_MS_MAX),
        );
      }
      progress('waiting for the facts');
      return session.ledger.judge(session.target, LAG_MS_MAX);
    });
    return { comparisons, drawnDry, manyCustomers, verdict };
  }

  async #withSession<Result>(
    customers: number,
    work: (session: Session) => Promise<Result>,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Result> {
    const { gateways, quota } = this.#options;
    this.#extents.progress(`starting a stack with ${customers} customers`);
    const session = await Session.open({ gateways, customers, dryQuota: quota, env });
    this.#open.add(session);
    const result = await work(session);
    this.#open.delete(session);
    await session.close();
    return result;
  }

  async #measureAll(session: Session, scenario: Measurement): Promise<Comparison[]> {
    const { connections, sweep } = PLANS[scenario];
    const asked = this.#options.connections;
    const found = [await measure(session, scenario, asked ?? connections, this.#extents)];
    if (this.#options['no-sweep'] || asked !== undefined) return found;
    const brief = {
      ...this.#extents,
      rounds: SWEEP.rounds,
      seconds: Math.min(this.#extents.seconds, SWEEP.secondsMax),
    };
    for (const further of sweep) found.push(await measure(session, scenario, further, brief));
    return found;
  }
}
