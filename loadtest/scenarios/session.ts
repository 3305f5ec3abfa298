import { randomBytes } from 'node:crypto';
import { type BareJob, type BareResult, bareResultSchema } from '../baselines/bare-job.js';
import type { ScriptJob } from '../baselines/script-job.js';
import { AMPLE_QUOTA } from './catalog.js';
import type { WatchedProcess } from './cpu.js';
import type { DialectName } from './dialects.js';
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
import { GENERATOR, type Side } from './rounds.js';
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

/** What kind of load. */
export interface Drive {
  readonly workload: Workload;
  readonly connections: number;
  /** Left out: all of the catalog, for `exact` the one whose quota is drawn dry. */
  readonly customers?: readonly string[];
  /** An open loop of this many arrivals a second. */
  readonly ratePerSecond?: number;
  /** Connections of our own instead of autocannon. */
  readonly lean?: boolean;
  /** Of `exact`. */
  readonly amounts?: readonly number[];
}

/** Something else than the stack that answers the same checks. */
export interface Elsewhere {
  readonly baseUrl: string;
  readonly dialect: DialectName;
}

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
  async load(drive: Drive, extent: Extent): Promise<LoadResult> {
    const result = await this.loadElsewhere(drive, extent, { baseUrl: this.target.stack.dataPlane, dialect: 'weir' });
    this.ledger.add(result);
    return result;
  }

  /** Puts the same load on another server; the books know nothing of it. */
  loadElsewhere(drive: Drive, extent: Extent, elsewhere: Elsewhere): Promise<LoadResult> {
    return this.#generator.run({ ...this.#job(drive, elsewhere), ...extent }, timeoutOf(extent));
  }

  /**
   * Resolves when the stack is at rest and all that was decided is in ClickHouse, with how long that took, ms; null past
   * the bound. At rest alone it may be waiting for somebody who reads.
   */
  async settle(msMax = SETTLE_MS_MAX): Promise<number | null> {
    const startedMs = performance.now();
    if ((await untilIdle(this.target.processes, msMax)) === null) return null;
    await this.target.read();
    const idleMs = await untilIdle(this.target.processes, msMax);
    return idleMs === null ? null : performance.now() - startedMs;
  }

  /** The stack under load. */
  weirSide(drive: Drive, name = 'weir'): Side {
    return {
      name,
      processes: [...this.target.processes, this.#generatorProcess],
      meter: this.meter,
      generator: GENERATOR,
      run: (seconds) => this.load(drive, { seconds }),
      settle: () => this.settle(),
    };
  }

  /** A bare server under the same load, whose answers are of the size and headers of the stack's. */
  async bareSide(drive: Drive): Promise<Side> {
    const { process, url } = this.#bare.get(drive.workload) ?? (await this.#startBare(drive.workload));
    const bare = { name: 'bare', pid: () => process.pid };
    return this.sideElsewhere(drive, 'bare', { baseUrl: url, dialect: 'weir' }, [bare]);
  }

  /** Another server under the same load. @param processes all that work for it. */
  sideElsewhere(drive: Drive, name: string, elsewhere: Elsewhere, processes: readonly WatchedProcess[]): Side {
    return {
      name,
      processes: [...processes, this.#generatorProcess],
      meter: this.meter,
      generator: GENERATOR,
      run: (seconds) => this.loadElsewhere(drive, { seconds }, elsewhere),
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
      meter: this.meter,
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
    return { name: GENERATOR, pid: () => this.#generator.pid };
  }

  #job(drive: Drive, elsewhere: Elsewhere): LoadJob {
    const { key, catalog } = this.target;
    const { workload, connections, customers, ratePerSecond, lean = false, amounts = [1] } = drive;
    return {
      workload,
      ...elsewhere,
      key,
      connections,
      customers: [...(customers ?? (workload === 'exact' ? [catalog.dry] : catalog.customers))],
      ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
      lean,
      amounts: [...amounts],
      quota: workload === 'exact' ? catalog.dryQuota : AMPLE_QUOTA,
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
    const weir = { baseUrl: this.target.stack.dataPlane, dialect: 'weir' } as const;
    const request = buildRequests(this.#job({ workload, connections: 1 }, weir), tally)[0]?.[0];
    if (request === undefined) throw new Error(`${workload} has no requests`);
    const { body, headers, path } = request.setupRequest?.(request, {}) ?? request;
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
