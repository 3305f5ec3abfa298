import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { packageRoot } from '../../engine/platform/assets.js';
import { startTimeOf } from '../../ingest/supervisor/process-identity.js';
import { type Child, startChild } from '../harness/child.js';
import { freePorts } from '../harness/ports.js';
import { startStack, waitFor } from '../harness/services.js';

/** What a stranger does first: `npm start`, paste the command it prints, Ctrl-C, start again. */

const home = mkdtempSync(join(tmpdir(), 'weir-quick-start-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const READY_MS_MAX = 90_000;

/** What a failed test left running is stopped before its folder goes. */
const running = new Set<Child>();
afterEach(async () => {
  for (const npm of running) if (npm.status() === undefined) await npm.stop();
  running.clear();
});

const environment: NodeJS.ProcessEnv = { ...process.env, WEIR_HOME: home };
for (const name of ['WEIR_ADMIN_KEY', 'WEIR_CATALOG', 'REDIS_URL', 'NATS_URL', 'CLICKHOUSE_URL'])
  delete environment[name];

async function npmStart(): Promise<Child> {
  const options = { cwd: packageRoot(), env: environment, detached: true, lastSignal: 'SIGTERM' } as const;
  const npm = await startChild('npm', ['start'], options);
  running.add(npm);
  await waitFor(
    () => {
      if (npm.status() !== undefined) throw new Error(npm.output());
      return npm.output().includes('Stop with Ctrl-C');
    },
    { timeoutMs: READY_MS_MAX, what: `npm start to be ready\n${npm.output()}` },
  );
  return npm;
}

/** The command that the banner shows, run by a shell as if pasted. */
async function paste(npm: Child): Promise<{ allowed: boolean; limits: { monthly: { used: number } } }> {
  const command = npm
    .output()
    .split('\n')
    .find((line) => line.trim().startsWith('curl '));
  const shell = await startChild('sh', ['-c', command ?? 'false'], { cwd: packageRoot() });
  expect(await shell.exited, shell.output()).toBe(0);
  return JSON.parse(shell.output());
}

/** Pids that this Weir noted. */
async function pids(): Promise<number[]> {
  const list: Record<string, { pid: number }> = JSON.parse(await readFile(join(home, 'run/processes.json'), 'utf8'));
  return Object.values(list).map(({ pid }) => pid);
}

/** A zombie runs no more: who reaps an orphan, and when, is the machine's affair. */
const runs = (pid: number): boolean => startTimeOf(pid) !== undefined;

describe('npm start', () => {
  it('starts, answers the pasted command, stops on Ctrl-C, and starts again with its data', async () => {
    const [port, consolePort] = await freePorts(2);
    Object.assign(environment, { WEIR_PORT: String(port), WEIR_CONSOLE_PORT: String(consolePort) });

    const first = await npmStart();
    expect(await paste(first)).toMatchObject({ allowed: true, limits: { monthly: { used: 1 } } });
    const started = await pids();
    expect(started.length).toBeGreaterThanOrEqual(6);

    // Ctrl-C: the terminal sends SIGINT to every process of the group.
    process.kill(-first.pid, 'SIGINT');
    expect(await first.exited, first.output()).toBe(0);
    expect(started.filter(runs)).toEqual([]);

    const second = await npmStart();
    // A second start is fast since it finds all of its work done.
    expect(second.output()).not.toMatch(/Installing|Compiling/);
    expect(await paste(second)).toMatchObject({ allowed: true, limits: { monthly: { used: 2 } } });

    // Without a terminal: SIGTERM, to the process that was started and to no other.
    const again = await pids();
    second.signal('SIGTERM');
    expect(await second.exited, second.output()).toBe(0);
    expect(again.filter(runs)).toEqual([]);
  });
});

describe('a killed Weir', () => {
  it('leaves nothing that keeps the next start from working, and loses nothing it answered', async () => {
    const stack = await startStack();
    onTestFinished(() => stack.stop());
    const check = async () => {
      const response = await fetch(`${stack.dataPlane}/v1/check`, {
        method: 'POST',
        headers: { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ customer: 'acme', feature: 'chat', amount: 10 }),
      });
      const answer: { limits: { monthly: { used: number } } } = JSON.parse(await response.text());
      return answer.limits.monthly.used;
    };
    expect(await check()).toBe(10);
    const [supervisor, redis] = [stack.pid, stack.pidOf('redis')];
    await stack.kill('SIGKILL');
    expect(runs(supervisor)).toBe(false);
    await stack.restart();
    expect(runs(redis)).toBe(false);
    expect(await check()).toBe(20);
  });
});
