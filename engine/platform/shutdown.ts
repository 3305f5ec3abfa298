import type { Logger } from './log.js';

/** How long the whole drain of a process may take before it exits anyway. */
export const DRAIN_MS_MAX = 10_000;

interface Step {
  readonly name: string;
  readonly stop: () => Promise<void> | void;
}

export interface ShutdownOptions {
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** For all steps together, ms. */
  readonly deadlineMs?: number;
  /** Replaced by tests. */
  readonly exit?: (code: number) => void;
}

/**
 * The ordered end of a process: what takes work in stops first, what work rests on closes last.
 *
 * ```
 * const shutdown = new Shutdown({ log });
 * shutdown.step('http server', () => server.close());
 * shutdown.step('engine', () => engine.close());
 * shutdown.listen();
 * ```
 */
export class Shutdown {
  readonly #steps: Step[] = [];
  readonly #options: ShutdownOptions;
  #running: Promise<void> | undefined;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  /** True from the first signal on: readiness should say no, and new work be refused. */
  get draining(): boolean {
    return this.#running !== undefined;
  }

  /** Adds a step; steps run one after the other in the order they were added. */
  step(name: string, stop: () => Promise<void> | void): void {
    this.#steps.push({ name, stop });
  }

  /**
   * Drains on SIGTERM, on SIGINT, and when the supervisor is gone, so that nothing of ours outlives it. Supervised
   * processes leave SIGINT to the supervisor, which stops them in order.
   */
  listen(): void {
    process.on('SIGTERM', () => void this.run('SIGTERM'));
    if (process.channel === undefined) process.on('SIGINT', () => void this.run('SIGINT'));
    else {
      process.on('SIGINT', () => undefined);
      process.on('disconnect', () => void this.run('the supervisor is gone'));
    }
  }

  /**
   * Runs every step once and exits: 0 when all went well, 1 when one failed or the deadline passed. A step that fails
   * does not keep the later ones from running. Calling it again waits for the first run.
   */
  run(reason: string): Promise<void> {
    this.#running ??= this.#drain(reason);
    return this.#running;
  }

  async #drain(reason: string): Promise<void> {
    const { log, deadlineMs = DRAIN_MS_MAX, exit = process.exit } = this.#options;
    log.info({ reason }, 'stopping');
    let current = 'nothing';
    let failed = false;
    const deadline = setTimeout(() => {
      log.error({ step: current, deadlineMs }, 'stopping took too long: exiting without waiting further');
      exit(1);
    }, deadlineMs);
    for (const { name, stop } of this.#steps) {
      current = name;
      try {
        await stop();
      } catch (error) {
        failed = true;
        log.error({ step: name, error }, 'a step of stopping failed');
      }
    }
    clearTimeout(deadline);
    log.info('stopped');
    exit(failed ? 1 : 0);
  }
}
