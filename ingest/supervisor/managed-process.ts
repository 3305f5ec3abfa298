import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../engine/platform/log.js';
import { isReadyMessage } from '../../engine/platform/supervised.js';
import { Backoff } from './backoff.js';
import type { ProcessList } from './process-list.js';

const PROBE_MS = 10;

/** How to run one process, and how to know that it can do its job. */
export interface ProcessSpec {
  /** Of its pid file and its log lines. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: NodeJS.ProcessEnv;
  /** Where stdout and stderr go: to ours, or to a file. */
  readonly logFile?: string;
  /** Asked again and again; left out, the process says so itself by `reportReady`. */
  readonly isReady?: () => Promise<boolean>;
  readonly readyMsMax: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopMsMax: number;
}

/** How a process ended. */
interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly ranMs: number;
}

/**
 * One process that runs as long as it should.
 *
 * ```
 *            start()              ready                      stop()
 *  (nothing) ───────► starting ──────────► running ──────────────────► stopping ──► (nothing)
 *                        │                    │ it dies                    ▲
 *                        │ dies, or too late  ▼                            │
 *                        ▼                 pausing ── restart ──► starting ┘ from any state
 *                     start() fails
 * ```
 * Only the first start fails for good: what is broken from the beginning should say so, what worked once is restarted
 * for ever, with growing pauses.
 *
 * Every process has a process group of its own (`detached`): Ctrl-C in a terminal reaches all processes of a group at
 * once, and would stop Redis under whoever still writes to it.
 */
export class ManagedProcess {
  readonly spec: ProcessSpec;
  readonly #list: ProcessList;
  readonly #log: Logger;
  readonly #backoff = new Backoff();
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #ended: Promise<Ending> | undefined;
  #life: Promise<void> = Promise.resolve();
  #ready = false;

  constructor(spec: ProcessSpec, list: ProcessList, log: Logger) {
    this.spec = spec;
    this.#list = list;
    this.#log = log;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** True while it can do its job. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Starts it and resolves when it is ready. @throws Error when it ends before that, or takes too long. */
  async start(): Promise<void> {
    if (this.#stopping.signal.aborted) throw new Error(`${this.spec.name} is stopped`);
    const ended = this.#spawn();
    const failure = await this.#untilReady(ended);
    if (failure !== undefined) throw new Error(`${this.spec.name} did not start: ${failure}${this.#logHint()}`);
    this.#life = this.#keepAlive(ended);
  }

  /** SIGTERM, and SIGKILL past the deadline. Resolves when it is gone and stays gone. Safe in any state. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#child !== undefined && this.#ended !== undefined) {
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => {
        this.#log.error({ name: this.spec.name, afterMs: this.spec.stopMsMax }, 'it does not stop: killing it');
        this.kill();
      }, this.spec.stopMsMax);
      await this.#ended;
      clearTimeout(timer);
    }
    await this.#life;
  }

  /** SIGKILL now; `stop` then resolves soon. */
  kill(): void {
    this.#stopping.abort();
    this.#child?.kill('SIGKILL');
  }

  #spawn(): Promise<Ending> {
    const { name, program, args, env, logFile, isReady } = this.spec;
    const startMs = performance.now();
    const output = logFile === undefined ? 'inherit' : openSync(logFile, 'a', 0o600);
    const ipc = isReady === undefined ? (['ipc'] as const) : [];
    const child = spawn(program, [...args], { env, detached: true, stdio: ['ignore', output, output, ...ipc] });
    if (typeof output === 'number') closeSync(output);
    if (child.pid !== undefined) this.#list.add(name, child.pid);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#child = undefined;
        this.#ready = false;
        this.#list.remove(name);
        resolve({ code, signal, ranMs: performance.now() - startMs });
      };
      child.once('exit', end);
      child.once('error', (error) => {
        this.#log.error({ name, error }, 'cannot be run');
        if (child.pid === undefined) end(127, null);
      });
    });
    return this.#ended;
  }

  /** @returns what went wrong, undefined when it is ready. */
  async #untilReady(ended: Promise<Ending>): Promise<string | undefined> {
    const done = new AbortController();
    const deadline = delay(this.spec.readyMsMax, 'late' as const, { signal: done.signal }).catch(() => 'late' as const);
    const outcome = await Promise.race([this.#readiness(done.signal), ended, deadline]);
    done.abort();
    this.#ready = outcome === 'ready';
    if (outcome === 'ready') return undefined;
    if (outcome !== 'late') return `it ended with ${outcome.signal ?? `exit code ${outcome.code}`}`;
    this.#child?.kill('SIGKILL');
    await ended;
    return `it was not ready within ${this.spec.readyMsMax} ms`;
  }

  async #readiness(signal: AbortSignal): Promise<'ready'> {
    const { isReady } = this.spec;
    if (isReady === undefined) {
      const child = this.#child;
      return new Promise((resolve) => {
        child?.on('message', (message) => {
          if (isReadyMessage(message)) resolve('ready');
        });
      });
    }
    while (!signal.aborted && !(await isReady())) await delay(PROBE_MS);
    return 'ready';
  }

  /** Restarts it each time it dies, until it is stopped. */
  async #keepAlive(first: Promise<Ending>): Promise<void> {
    const { name } = this.spec;
    let ended = first;
    for (;;) {
      const { code, signal, ranMs } = await ended;
      if (this.#stopping.signal.aborted) return;
      const pauseMs = this.#backoff.nextMs(ranMs);
      // Ended well, though not by us: somebody wishes a new one (a rolling restart is a SIGTERM to each gateway in turn).
      if (code === 0) this.#log.info({ name, restartInMs: pauseMs }, 'it ended: starting it again');
      else this.#log.error({ name, code, signal, restartInMs: pauseMs }, 'it died: restarting it');
      await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      ended = this.#respawn();
      const failure = await this.#untilReady(ended);
      if (failure === undefined) this.#log.info({ name, pid: this.pid }, 'it runs again');
      else if (!this.#stopping.signal.aborted) this.#log.error({ name, failure }, 'it does not start');
    }
  }

  /** A restart that fails before there is a process (no log file, no memory) counts as one that died at once. */
  #respawn(): Promise<Ending> {
    try {
      return this.#spawn();
    } catch (error) {
      this.#log.error({ name: this.spec.name, error }, 'cannot be restarted');
      return Promise.resolve({ code: 127, signal: null, ranMs: 0 });
    }
  }

  #logHint(): string {
    return this.spec.logFile === undefined ? '' : ` (see ${this.spec.logFile})`;
  }
}
