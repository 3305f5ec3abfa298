import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../../engine/platform/config.js';
import { createLogger } from '../../engine/platform/log.js';
import { startChild } from '../../loadtest/harness/child.js';
import { freePorts } from '../../loadtest/harness/ports.js';
import { startNats, startRedis, waitFor } from '../../loadtest/harness/services.js';
import { identityOf } from './process-identity.js';
import type { Build } from './roles.js';
import { Supervisor } from './supervisor.js';

const folder = mkdtempSync(join(tmpdir(), 'weir-supervisor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Roles that only say when they start and stop, by lines in a file. */
const JOURNAL = join(folder, 'journal');
const QUIET_ROLE = `
import { appendFileSync } from 'node:fs';
const name = process.env.WEIR_ROLE + process.env.WEIR_GATEWAY_INDEX;
const note = (what) => appendFileSync(${JSON.stringify(JOURNAL)}, what + ' ' + name + '\\n');
process.on('SIGTERM', () => { note('stop'); process.exit(0); });
process.on('SIGINT', () => note('interrupted'));
process.on('disconnect', () => process.exit(0));
note('start');
process.send({ ready: true });
`;
const BROKEN_ROLE = 'process.exit(3);';

function build(name: string, roles: Partial<Record<'gateway' | 'relay' | 'control', string>>): Build {
  const mains = { gateway: 'gateway.mjs', relay: 'relay.mjs', control: 'control.mjs' };
  mkdirSync(join(folder, name));
  for (const role of ['gateway', 'relay', 'control'] as const) {
    writeFileSync(join(folder, name, mains[role]), roles[role] ?? QUIET_ROLE);
  }
  return { folder: join(folder, name), mains };
}
const QUIET = build('quiet', {});
const CATALOG = join(folder, 'catalog.yaml');
writeFileSync(CATALOG, 'customers: []\n');

async function configFor(home: string, more: Record<string, string> = {}): Promise<Config> {
  const [port = 0, consolePort = 0] = await freePorts(2);
  return loadConfig({
    WEIR_HOME: join(folder, home),
    WEIR_PORT: String(port),
    WEIR_CONSOLE_PORT: String(consolePort),
    WEIR_GATEWAYS: '2',
    WEIR_CATALOG: CATALOG,
    ...more,
  });
}

const silent = createLogger('supervisor', { logLevel: 'silent', logFormat: 'json' });
const running = new Set<Supervisor>();

function supervise(config: Config, roles: Build = QUIET): Supervisor {
  const supervisor = new Supervisor({ config, environment: process.env, build: roles, log: silent });
  running.add(supervisor);
  return supervisor;
}
afterEach(async () => {
  for (const supervisor of running) await supervisor.stop();
  running.clear();
});

const readPid = (config: Config, name: string): number =>
  Number(readFileSync(join(config.home, 'run', `${name}.pid`), 'utf8'));
const commandLine = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8');

describe('a supervised Weir', () => {
  it('starts all, shows credentials to its owner only, and leaves nothing running', async () => {
    const config = await configFor('whole');
    const supervisor = supervise(config);
    const inForce = await supervisor.start();

    const names = ['supervisor', 'redis', 'nats', 'control', 'relay', 'gateway-0', 'gateway-1'];
    const pids = names.map((name) => readPid(config, name));
    const password = new URL(inForce.redisUrl ?? '').password;
    const natsPassword = new URL(inForce.natsUrl ?? '').password;
    for (const pid of pids) {
      expect(commandLine(pid)).not.toContain(password);
      expect(commandLine(pid)).not.toContain(natsPassword);
      expect(commandLine(pid)).not.toContain(inForce.adminKey);
    }
    for (const file of ['admin.key', 'run/urls.json', 'run/redis.conf', 'run/nats.conf']) {
      expect(statSync(join(config.home, file)).mode & 0o777).toBe(0o600);
    }
    const urls: unknown = JSON.parse(readFileSync(join(config.home, 'run/urls.json'), 'utf8'));
    expect(urls).toMatchObject({ redis: inForce.redisUrl, nats: inForce.natsUrl, clickhouse: null });
    expect(readFileSync(join(config.home, 'admin.key'), 'utf8').trim()).toMatch(/^[\w-]{43}$/);

    rmSync(JOURNAL);
    await supervisor.stop();
    expect(pids.slice(1).map(identityOf).filter(Boolean)).toEqual([]);
    const stops = readFileSync(JOURNAL, 'utf8').trim().split('\n');
    expect(stops.slice(0, 2).sort()).toEqual(['stop gateway0', 'stop gateway1']);
    expect(stops.slice(2)).toEqual(['stop relay0', 'stop control0']);
    for (const file of ['urls.json', 'lock', 'redis.conf', 'gateway-0.pid', 'supervisor.pid']) {
      expect(existsSync(join(config.home, 'run', file))).toBe(false);
    }
  });

  it('restarts what dies: a process of ours, and Redis with its data on the same port', async () => {
    const config = await configFor('restarts');
    const { redisUrl = '' } = await supervise(config).start();
    const redis = new Redis(redisUrl);
    redis.on('error', () => undefined);
    await redis.set('kept', 'yes');
    for (const name of ['gateway-1', 'redis', 'nats']) {
      const pid = readPid(config, name);
      process.kill(pid, 'SIGKILL');
      await waitFor(() => readPid(config, name) !== pid, { timeoutMs: 5_000, what: `${name} to run again` });
    }
    expect(await redis.get('kept')).toBe('yes');
    redis.disconnect();
  });

  it('keeps data, admin key and password apart over a stop and a start', async () => {
    const config = await configFor('again');
    const first = supervise(config);
    const before = await first.start();
    const redis = new Redis(before.redisUrl ?? '');
    await redis.set('kept', 'yes');
    redis.disconnect();
    await first.stop();
    const after = await supervise(config).start();
    expect(after.adminKey).toBe(before.adminKey);
    expect(after.redisUrl).not.toBe(before.redisUrl);
    const again = new Redis(after.redisUrl ?? '');
    expect(await again.get('kept')).toBe('yes');
    again.disconnect();
  });

  it('uses services that are named as they are, and leaves them running', async () => {
    const [redis, nats] = await Promise.all([startRedis(), startNats()]);
    const config = await configFor('named', { REDIS_URL: redis.url, NATS_URL: nats.url });
    const supervisor = supervise(config);
    expect(await supervisor.start()).toMatchObject({ redisUrl: redis.url, natsUrl: nats.url });
    expect(existsSync(join(config.home, 'run/redis.pid'))).toBe(false);
    await supervisor.stop();
    expect([redis.pid, nats.pid].map(identityOf).filter(Boolean)).toHaveLength(2);
    await Promise.all([redis.stop(), nats.stop()]);
  });

  it('refuses a WEIR_HOME that is in use, by pid', async () => {
    const config = await configFor('used');
    await supervise(config).start();
    expect(() => supervise(config)).toThrow(`in use by process ${process.pid}`);
  });

  it('refuses a port that somebody listens on, and names the setting', async () => {
    const config = await configFor('ports');
    const taken = await startChild(process.execPath, [
      '-e',
      `require('net').createServer().listen(${config.consolePort}, '127.0.0.1', () => console.log('listening'))`,
    ]);
    await waitFor(() => taken.output().includes('listening'), { timeoutMs: 5_000, what: 'the port to be taken' });
    await expect(supervise(config).start()).rejects.toThrow(`WEIR_CONSOLE_PORT ${config.consolePort}`);
    await taken.stop();
  });

  it('stops also when its WEIR_HOME was removed under it', async () => {
    const config = await configFor('removed');
    const supervisor = supervise(config);
    await supervisor.start();
    const started = ['redis', 'nats', 'relay', 'gateway-0'].map((name) => readPid(config, name));
    rmSync(config.home, { recursive: true });
    await supervisor.stop();
    expect(started.map(identityOf).filter(Boolean)).toEqual([]);
  });

  it('says which process could not start, and stops the rest', async () => {
    const config = await configFor('broken');
    const supervisor = supervise(config, build('broken', { relay: BROKEN_ROLE }));
    await expect(supervisor.start()).rejects.toThrow('relay did not start: it ended with exit code 3');
    const redis = readPid(config, 'redis');
    await supervisor.stop();
    expect(identityOf(redis)).toBeUndefined();
  });

  it('stops what a killed run left behind, and nothing else', async () => {
    const config = await configFor('orphans');
    // As after SIGKILL of a supervisor: its list and its lock stay, and so do processes that do not notice.
    const endless = ['-e', 'setInterval(() => {}, 1000)'];
    const [orphan, stranger] = [
      await startChild(process.execPath, endless),
      await startChild(process.execPath, endless),
    ];
    mkdirSync(join(config.home, 'run'), { recursive: true });
    const dead = { pid: 999_999_999, startTime: '1' };
    writeFileSync(join(config.home, 'run/lock'), JSON.stringify(dead));
    writeFileSync(
      join(config.home, 'run/processes.json'),
      JSON.stringify({
        supervisor: dead,
        nats: identityOf(orphan.pid),
        relay: { pid: stranger.pid, startTime: 'of another process' },
      }),
    );
    await supervise(config).start();
    expect(orphan.status()).toBe('SIGTERM');
    expect(stranger.status()).toBeUndefined();
    await stranger.stop();
  });
});
