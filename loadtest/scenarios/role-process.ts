import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../../engine/platform/assets.js';
import { HEAP_FLAGS } from '../../engine/platform/heap.js';

/** Processes of the load test beside the stack. Each runs the one entry, `run.js`, under the name of its role. */
const ROLES = ['generator', 'bare', 'script', 'limiter'] as const;
export type Role = (typeof ROLES)[number];
const roleArgument = (role: Role): string => `role:${role}`;

/** The role that a first argument of `run.js` stands for; undefined: it is the load test itself. */
export function roleOf(argument: string | undefined): Role | undefined {
  return ROLES.find((role) => roleArgument(role) === argument);
}

const ENTRY = 'dist/loadtest/run.js';
const replySchema = z.union([z.object({ fault: z.string() }), z.object({ result: z.unknown() })]);

/** The parent's side of a role: one job at a time. */
export class RoleProcess<Job extends object, Result> {
  readonly #child: ChildProcess;
  readonly #role: Role;
  readonly #resultSchema: z.ZodType<Result>;
  readonly #ended: Promise<string>;
  readonly #stopOnExit: () => void;

  /** @throws Error where the program is not built. */
  constructor(role: Role, resultSchema: z.ZodType<Result>) {
    const entry = join(packageRoot(), ENTRY);
    if (!existsSync(entry)) throw new Error(`${ENTRY} is not built: run "npm run build"`);
    this.#role = role;
    this.#resultSchema = resultSchema;
    const child = fork(entry, [roleArgument(role)], {
      execArgv: [...HEAP_FLAGS],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(String(error)));
      child.once('exit', (code, signal) => resolve(String(signal ?? code)));
    });
    this.#stopOnExit = () => child.kill('SIGKILL');
    process.once('exit', this.#stopOnExit);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves with what the child answers. @throws Error with its fault, or when it ended or took too long. */
  async run(job: Job, timeoutMs: number): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      const fail = () => reject(new Error(`the ${this.#role} did not finish in ${timeoutMs} ms`));
      timer = setTimeout(fail, timeoutMs);
    });
    const gone = this.#ended.then((how) => {
      throw new Error(`the ${this.#role} ended: ${how}`);
    });
    try {
      const answered = new Promise<unknown>((resolve) => this.#child.once('message', resolve));
      this.#child.send(job);
      const reply = replySchema.parse(await Promise.race([answered, gone, tooLong]));
      if ('fault' in reply) throw new Error(`the ${this.#role} failed: ${reply.fault}`);
      return this.#resultSchema.parse(reply.result);
    } finally {
      clearTimeout(timer);
    }
  }

  async stop(): Promise<void> {
    process.off('exit', this.#stopOnExit);
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await this.#ended;
    clearTimeout(timer);
  }
}
