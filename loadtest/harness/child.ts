import { type ChildProcess, spawn } from 'node:child_process';

/** Characters of a child's output that are kept for messages. */
const OUTPUT_CHARS_MAX = 200_000;
/** How long a child may take over SIGTERM before it is killed, ms. */
const STOP_MS_MAX = 60_000;

/** A child process of a test, with what it printed last. */
export interface Child {
  readonly pid: number;
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** The end of what it wrote to stdout and stderr, interleaved. */
  output(): string;
  /** Undefined while it runs. */
  status(): number | string | undefined;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when that takes more than a minute; resolves when it is gone. */
  stop(): Promise<number | string>;
}

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** A process group of its own, as a shell in a terminal gives each command. */
  readonly detached?: boolean;
  /** How it is ended when the test process ends without having stopped it: SIGTERM for what has children of its own. */
  readonly lastSignal?: 'SIGKILL' | 'SIGTERM';
}

const alive = new Map<ChildProcess, 'SIGKILL' | 'SIGTERM'>();
let watched = false;

/** Starts a program; it is killed when the test process ends without having stopped it. */
export async function startChild(program: string, args: readonly string[], options: ChildOptions = {}): Promise<Child> {
  const child = spawn(program, [...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  if (!watched) {
    watched = true;
    process.on('exit', () => {
      for (const [each, lastSignal] of alive) each.kill(lastSignal);
    });
  }
  alive.set(child, options.lastSignal ?? 'SIGKILL');
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARS_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let status: number | string | undefined;
  const exited = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      alive.delete(child);
      status = code ?? signal ?? 'unknown';
      resolve(status);
    });
  });
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
  return {
    pid,
    exited,
    output: () => output,
    status: () => status,
    signal: (signal) => void child.kill(signal),
    async stop() {
      // A stopped process (SIGSTOP) would never hear SIGTERM.
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      const result = await exited;
      clearTimeout(timer);
      return result;
    },
  };
}
