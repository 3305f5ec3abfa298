import { randomBytes } from 'node:crypto';
import { type BareJob, type BareResult, bareResultSchema } from '../baselines/bare-job.js';
import type { ScriptJob } from '../baselines/script-job.js';
import {
  type LoadJob,
  type LoadResult,
  loadResultSchema,
  type Measured,
  measuredSchema,
  type Workload,
} from './job.js';
import { RedisMeter } from './redis-meter.js';
import { buildRequests } from './requests.js';
import { RoleProcess } from './role-process.js';
import type { Side } from './rounds.js';
import { Tally } from './tally.js';
import { startTarget, type Target, type TargetOptions, untilIdle } from './target.js';
import { Ledger } from './verdict.js';

/** What a job may take beyond its own time: connections that hang are given up within. */
const JOB_SLACK_MS = 60_000;
/** Bound on the way of a round's facts to ClickHouse. */
const SETTLE_MS_MAX = 30_000;
/** Headers that every server adds by itself. */
const OWN_HEADERS = new Set(['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'uwebsockets']);

/** How much load: time, or a number of requests. */
export type Extent = { readonly seconds: number } | { readonly requests: number };

/** A stack, the load generator and the baselines of one run, and what the clients were told so far. */
export class Session {
  readonly target: Target;
  readonly ledger = new Ledger();
  readonly meter: RedisMeter;
  readonly #generator: RoleProcess<LoadJob, LoadResult>;
  readonly #bare = new Map<Workload, { readonly process: RoleProcess<BareJob, BareResult>; readonly url: string }>();
  #script: RoleProcess<ScriptJob, Measured> | undefined;

  /** For `open`. */
  private constructor(target: Target) {
    this.target = target;
    this.meter = new RedisMeter(target.stack.urls().redis);
    this.#generator = new RoleProcess('generator', loadResultSchema);
  }

  /** Starts the stack. @throws Error with its output when it does not start. */
  static async open(options: TargetOptions): Promise<Session> {
    return new Session(await startTarget(options));
  }

  /** Puts load on the stack, and keeps what its clients were told. */
  async load(workload: Workload, connections: number, extent: Extent): Promise<LoadResult> {
    const job = this.#job(workload, connections, this.target.stack.dataPlane);
    const result = await this.#generator.run({ ...job, ...extent }, timeoutOf(extent));
    this.ledger.add(result);
    return result;
  }

  /** Resolves when the stack is at rest, with how long that took, ms; null past the bound. */
  settle(): Promise<number | null> {
    return untilIdle(this.target.processes, SETTLE_MS_MAX);
  }

  /** The stack under a workload. */
  weirSide(workload: Workload, connections: number): Side {
    return {
      name: 'weir',
      processes: [...this.target.processes, this.#generatorProcess],
      generator: 'generator',
      run: (seconds) => this.load(workload, connections, { seconds }),
      settle: () => this.settle(),
    };
  }

  /** A bare server under the same workload, whose answers are of the size and headers of the stack's. */
  async bareSide(workload: Workload, connections: number): Promise<Side> {
    const { process, url } = this.#bare.get(workload) ?? (await this.#startBare(workload));
    return {
      name: 'bare',
      processes: [{ name: 'bare', pid: () => process.pid }, this.#generatorProcess],
      generator: 'generator',
      run: (seconds) =>
        this.#generator.run({ ...this.#job(workload, connections, url), seconds }, timeoutOf({ seconds })),
      settle: () => Promise.resolve(0),
    };
  }

  /** The commit script, called with the batches of the workload `batch`. */
  scriptSide(): Side {
    const script = this.#script ?? new RoleProcess<ScriptJob, Measured>('script', measuredSchema);
    this.#script = script;
    const redis = this.target.processes.filter(({ name }) => name === 'redis');
    return {
      name: 'script',
      processes: [...redis, { name: 'script', pid: () => script.pid }],
      generator: null,
      run: (seconds) =>
        script.run(
          { redisUrl: this.target.stack.urls().redis, customers: [...this.target.catalog.customers], seconds },
          timeoutOf({ seconds }),
        ),
      settle: () => this.settle(),
    };
  }

  async close(): Promise<void> {
    this.meter.close();
    const roles = [this.#generator, this.#script, ...[...this.#bare.values()].map(({ process }) => process)];
    await Promise.all(roles.map((role) => role?.stop()));
    await this.target.stop();
  }

  get #generatorProcess() {
    return { name: 'generator', pid: () => this.#generator.pid };
  }

  #job(workload: Workload, connections: number, baseUrl: string): LoadJob {
    const { key, catalog } = this.target;
    return {
      workload,
      baseUrl,
      key,
      connections,
      customers: workload === 'exact' ? [catalog.dry] : [...catalog.customers],
      run: randomBytes(4).toString('hex'),
    };
  }

  async #startBare(workload: Workload) {
    const answer = await this.#sampleAnswer(workload);
    const process = new RoleProcess<BareJob, BareResult>('bare', bareResultSchema);
    const { port } = await process.run(answer, JOB_SLACK_MS);
    const started = { process, url: `http://127.0.0.1:${port}` };
    this.#bare.set(workload, started);
    return started;
  }

  /** One real request of the workload, and its answer. */
  async #sampleAnswer(workload: Workload): Promise<BareJob> {
    const tally = new Tally();
    const [request] = buildRequests(this.#job(workload, 1, this.target.stack.dataPlane), tally);
    if (request === undefined) throw new Error(`${workload} has no requests`);
    const { body, headers, path } = request.setupRequest?.(request) ?? request;
    const response = await fetch(this.target.stack.dataPlane + path, {
      method: 'POST',
      headers: { ...headers, 'accept-encoding': 'identity' },
      body,
    });
    const text = await response.text();
    request.onResponse(response.status, text);
    this.ledger.add(tally.result());
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 300)}`);
    return {
      status: `${response.status} ${response.statusText}`,
      headers: [...response.headers].filter(([name]) => !OWN_HEADERS.has(name)),
      body: text,
    };
  }
}

const timeoutOf = (extent: Extent): number => ('seconds' in extent ? extent.seconds * 1_000 : 0) + JOB_SLACK_MS;
