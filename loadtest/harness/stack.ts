import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../../engine/platform/assets.js';
import { type Child, startChild } from './child.js';
import { freePorts } from './ports.js';
import { waitFor } from './wait-for.js';

const MAIN = 'dist/ingest/supervisor/main.js';
const READY_MS_MAX = 90_000;
const PORT_ATTEMPTS_MAX = 3;

/** What `run/urls.json` says; clickhouse is null for the embedded one. */
const urlsSchema = z.object({ redis: z.string(), nats: z.string(), clickhouse: z.string().nullable() });

export interface StackOptions {
  /** Default 1, so that a test does not depend on the machine. */
  readonly gateways?: number;
  /** Further settings, such as WEIR_CATALOG or WEIR_DURABILITY. */
  readonly env?: Readonly<Record<string, string>>;
  /** An existing WEIR_HOME, which `stop` then keeps; left out, a temporary one. */
  readonly home?: string;
}

/** A whole Weir, as `npm start` runs it, on free ports. */
export interface Stack {
  readonly home: string;
  /** Base URLs, without a slash at the end. */
  readonly dataPlane: string;
  readonly console: string;
  readonly adminKey: string;
  /** Of the supervisor. */
  readonly pid: number;
  /** URLs of the services in use, with credentials: `run/urls.json`. */
  urls(): z.output<typeof urlsSchema>;
  /** The process's pid now: `redis`, `nats`, `control`, `relay`, `gateway-0` … */
  pidOf(name: string): number;
  /** What all processes printed, the end of it. */
  output(): string;
  /** A signal to the supervisor; resolves with how it ended, for those that end it. */
  kill(signal: NodeJS.Signals): Promise<number | string | undefined>;
  /** Starts it again on the same WEIR_HOME and ports, after `kill`. */
  restart(): Promise<void>;
  /** SIGTERM, waits for the end, and removes a temporary WEIR_HOME. @throws Error with the output when it did not end well. */
  stop(): Promise<void>;
}

/** What it ends with when a port that was free has been taken: seen before its processes start, or by one that listens. */
const LOST_PORT = /is taken by another program|cannot listen on/;

/** Runs the built program and waits until all of it is ready. @throws Error with its output when it is not, in 90 s. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const program = join(packageRoot(), MAIN);
  if (!existsSync(program)) throw new Error(`${MAIN} is not built: run "npm run build"`);
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'weir-stack-')));
  for (let attempt = 1; ; attempt++) {
    const [port = 0, consolePort = 0] = await freePorts(2);
    const start = () => launch(program, stackEnvironment(options, home, port, consolePort));
    try {
      return stackOf(await start(), start, home, options.home === undefined, port, consolePort);
    } catch (error) {
      if (attempt < PORT_ATTEMPTS_MAX && LOST_PORT.test(String(error))) continue;
      if (options.home === undefined) await rm(home, { recursive: true, force: true });
      throw error;
    }
  }
}

/** Nothing of the caller's own settings: a test means what it says. */
function stackEnvironment(options: StackOptions, home: string, port: number, consolePort: number): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('WEIR_') && !['REDIS_URL', 'NATS_URL', 'CLICKHOUSE_URL'].includes(name),
  );
  return {
    ...Object.fromEntries(inherited),
    WEIR_HOME: home,
    WEIR_PORT: String(port),
    WEIR_CONSOLE_PORT: String(consolePort),
    WEIR_GATEWAYS: String(options.gateways ?? 1),
    WEIR_LOG_FORMAT: 'json',
    WEIR_LOG_LEVEL: 'warn',
    ...options.env,
  };
}

async function launch(program: string, env: NodeJS.ProcessEnv): Promise<Child> {
  const child = await startChild(process.execPath, [program], { env, cwd: packageRoot(), lastSignal: 'SIGTERM' });
  const isReady = () => child.output().includes('Weir is ready.');
  try {
    await waitFor(() => isReady() || child.status() !== undefined, {
      timeoutMs: READY_MS_MAX,
      what: 'Weir to be ready',
    });
    if (!isReady()) throw new Error(`it ended with ${child.status()}`);
    return child;
  } catch (error) {
    await child.stop();
    throw new Error(`Weir did not start: ${String(error)}\n${child.output()}`);
  }
}

function stackOf(
  first: Child,
  start: () => Promise<Child>,
  home: string,
  temporary: boolean,
  port: number,
  consolePort: number,
): Stack {
  let current = first;
  return {
    home,
    dataPlane: `http://127.0.0.1:${port}`,
    console: `http://127.0.0.1:${consolePort}`,
    adminKey: readFileSync(join(home, 'admin.key'), 'utf8').trim(),
    get pid() {
      return current.pid;
    },
    urls: () => urlsSchema.parse(JSON.parse(readFileSync(join(home, 'run/urls.json'), 'utf8'))),
    pidOf: (name) => Number(readFileSync(join(home, 'run', `${name}.pid`), 'utf8')),
    output: () => current.output(),
    async kill(signal) {
      current.signal(signal);
      return ['SIGKILL', 'SIGTERM', 'SIGINT'].includes(signal) ? current.exited : undefined;
    },
    async restart() {
      current = await start();
    },
    async stop() {
      const ending = current.status() ?? (await current.stop());
      if (temporary) await rm(home, { recursive: true, force: true });
      if (ending !== 0) throw new Error(`Weir ended with ${ending}\n${current.output()}`);
    },
  };
}
