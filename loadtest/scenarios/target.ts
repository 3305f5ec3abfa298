import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type Stack, startStack } from '../harness/services.js';
import { LOAD_METER, type LoadCatalog, loadCatalog } from './catalog.js';
import { type CpuSeconds, cpuBetween, readCpu, totalOf, type WatchedProcess } from './cpu.js';

/** Cores that a stack with nothing to do may use: heartbeats, polls, timers. */
const IDLE_CORES = 0.1;
const IDLE_LOOK_MS = 250;

export interface TargetOptions {
  readonly gateways: number;
  readonly customers: number;
  readonly dryQuota: number;
  /** Further settings of the stack. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A stack under load, with the catalog of a load test. */
export interface Target {
  readonly stack: Stack;
  readonly catalog: LoadCatalog;
  readonly processes: readonly WatchedProcess[];
  /** A stored key of the data plane, as customers have it: the operator's own takes another way. */
  readonly key: string;
  /** Reads a report, as somebody would: what waits for a reader is inserted for it. */
  read(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a stack of its own, on free ports of loopback, in a temporary folder. */
export async function startTarget(options: TargetOptions): Promise<Target> {
  const catalog = loadCatalog(options.customers, options.dryQuota, Date.now());
  const folder = await mkdtemp(join(tmpdir(), 'weir-loadtest-'));
  const file = join(folder, 'catalog.yaml');
  await writeFile(file, catalog.firstText);
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  let stack: Stack;
  try {
    stack = await startStack({
      gateways: options.gateways,
      env: { WEIR_CATALOG: file, ...options.env },
    });
  } catch (error) {
    await removeFolder();
    throw error;
  }
  let key: string;
  try {
    if (catalog.text !== catalog.firstText) await applyCatalog(stack, catalog.text);
    key = await makeKey(stack);
  } catch (error) {
    await stack.stop();
    await removeFolder();
    throw error;
  }
  const gateways = Array.from({ length: options.gateways }, (_, index) => `gateway-${index}`);
  return {
    stack,
    catalog,
    key,
    processes: [...gateways, 'redis', 'relay', 'nats', 'control'].map((name) => ({
      name,
      pid: () => stack.pidOf(name),
    })),
    async read() {
      const response = await fetch(`${stack.console}/v1/usage?${new URLSearchParams({ meter: LOAD_METER })}`, {
        headers: { authorization: `Bearer ${stack.adminKey}` },
      });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`GET /v1/usage answered ${response.status}: ${text.slice(0, 300)}`);
    },
    async stop() {
      await stack.stop();
      await removeFolder();
    },
  };
}

/** Puts a catalog in force that is too large to start with: the supervisor looks for an example in the file. */
async function applyCatalog(stack: Stack, text: string): Promise<void> {
  const response = await fetch(`${stack.console}/v1/catalog/apply`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/yaml' },
    body: text,
  });
  const answer = await response.text();
  if (response.status !== 200) {
    throw new Error(`POST /v1/catalog/apply answered ${response.status}: ${answer.slice(0, 300)}`);
  }
}

async function makeKey(stack: Stack): Promise<string> {
  const response = await fetch(`${stack.console}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'load test', scopes: ['check', 'ingest'] }),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`POST /v1/keys answered ${response.status}: ${text.slice(0, 300)}`);
  return z.object({ key: z.string() }).parse(JSON.parse(text)).key;
}

/**
 * Waits until the stack is at rest. Without it the next round would pay for this one's facts.
 *
 * @returns how long it took, ms; null when it was still at work after `msMax`
 */
export async function untilIdle(processes: readonly WatchedProcess[], msMax: number): Promise<number | null> {
  const startedMs = performance.now();
  let before: CpuSeconds = readCpu(processes);
  let beforeMs = startedMs;
  while (performance.now() - startedMs < msMax) {
    await delay(IDLE_LOOK_MS);
    const now = readCpu(processes);
    const nowMs = performance.now();
    const cores = totalOf(cpuBetween(before, now)) / ((nowMs - beforeMs) / 1_000);
    if (cores < IDLE_CORES) return beforeMs - startedMs;
    before = now;
    beforeMs = nowMs;
  }
  return null;
}
