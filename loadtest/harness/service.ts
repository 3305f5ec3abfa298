import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinary } from './binaries.js';
import { type Child, startChild } from './child.js';
import { freePort } from './ports.js';
import { waitFor } from './wait-for.js';

const START_MS_MAX = 15_000;
/** Somebody else may take a port between finding and using it. */
const PORT_ATTEMPTS_MAX = 5;

/** A private service of a test, on a free port of loopback, with its data in a folder of its own. */
export interface Service {
  /** With credentials. */
  readonly url: string;
  readonly port: number;
  /** Of the running process; another one after `restart`. */
  readonly pid: number;
  readonly folder: string;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
  /** Sends a signal; waits for the end after one that ends it (SIGKILL, SIGTERM, SIGINT), not after SIGSTOP or SIGCONT. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and data, after stopping it if it still runs. */
  restart(): Promise<void>;
}

/** What differs between the services. */
export interface ServiceKind {
  readonly binary: string;
  /** Arguments for a port and a data folder. */
  arguments(port: number, folder: string): Promise<string[]>;
  url(port: number): string;
  /** Sent on connecting, when the service does not speak first. */
  readonly greeting: string;
  /** Its answer when it is ready. */
  readonly answer: RegExp;
}

/** Starts a service and waits until it answers. @throws Error with its output when it does not, or is not installed. */
export async function startService(kind: ServiceKind): Promise<Service> {
  const binary = findBinary(kind.binary);
  const folder = await mkdtemp(join(tmpdir(), `weir-${kind.binary}-`));
  let port = 0;
  let child: Child | undefined;
  for (let attempt = 1; child === undefined; attempt++) {
    port = await freePort();
    try {
      child = await launch(kind, binary, port, folder);
    } catch (error) {
      if (attempt < PORT_ATTEMPTS_MAX && /address already in use|EADDRINUSE/i.test(String(error))) continue;
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }
  let current = child;
  return {
    url: kind.url(port),
    port,
    folder,
    get pid() {
      return current.pid;
    },
    async stop() {
      await current.stop();
      await rm(folder, { recursive: true, force: true });
    },
    async kill(signal) {
      current.signal(signal);
      if (signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT') await current.exited;
    },
    async restart() {
      if (current.status() === undefined) await current.stop();
      current = await launch(kind, binary, port, folder);
    },
  };
}

async function launch(kind: ServiceKind, binary: string, port: number, folder: string): Promise<Child> {
  const child = await startChild(binary, await kind.arguments(port, folder), { cwd: folder });
  try {
    await waitFor(() => child.status() !== undefined || answers(port, kind), {
      timeoutMs: START_MS_MAX,
      what: `${kind.binary} to answer on port ${port}`,
    });
    if (child.status() !== undefined) throw new Error(`it ended with ${child.status()}`);
    return child;
  } catch (error) {
    await child.stop();
    throw new Error(`${kind.binary} did not start: ${String(error)}\n${child.output()}`);
  }
}

/** True when the service on this port sends what a ready one sends. */
function answers(port: number, kind: Pick<ServiceKind, 'greeting' | 'answer'>): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    const end = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.once('connect', () => socket.write(kind.greeting));
    socket.on('data', (chunk) => {
      heard += chunk.toString();
      if (kind.answer.test(heard)) end(true);
    });
  });
}
