import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readAsset } from '../../engine/platform/assets.js';
import { loadConfig } from '../../engine/platform/config.js';
import { HEAP_FLAGS } from '../../engine/platform/heap.js';
import { Backoff } from './backoff.js';
import { banner, exampleCheck } from './banner.js';
import { Home } from './home.js';
import { HomeInUseError, lockHome } from './home-lock.js';
import { httpUrl } from './ports.js';
import { identityOf, isRunning } from './process-identity.js';
import { ProcessList } from './process-list.js';
import { ROLE_MAINS, roleSpec } from './roles.js';
import { natsConfig, redisConfig } from './services.js';

const folder = mkdtempSync(join(tmpdir(), 'weir-home-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a process', () => {
  it('is its pid and its start time', () => {
    const own = identityOf(process.pid);
    expect(own?.startTime).toMatch(/\d/);
    expect(isRunning({ pid: process.pid, startTime: own?.startTime ?? '' })).toBe(true);
    expect(isRunning({ pid: process.pid, startTime: 'another' })).toBe(false);
    expect(identityOf(999_999_999)).toBeUndefined();
    expect(identityOf(0)).toBeUndefined();
  });

  it('is listed by name, and known to the next start until it is removed', () => {
    const run = mkdtempSync(join(folder, 'run-'));
    const list = new ProcessList(run);
    list.add('relay', process.pid);
    list.add('gone', 999_999_999);
    expect(new ProcessList(run).entries()).toEqual([['relay', identityOf(process.pid)]]);
    list.remove('relay');
    expect(new ProcessList(run).entries()).toEqual([]);
    writeFileSync(join(run, 'processes.json'), '{ torn');
    expect(new ProcessList(run).entries()).toEqual([]);
  });
});

describe('the lock of WEIR_HOME', () => {
  it('has one holder, and is free again when given back', () => {
    const path = join(folder, 'lock');
    const unlock = lockHome(path);
    expect(() => lockHome(path)).toThrow(HomeInUseError);
    unlock();
    lockHome(path)();
  });

  it.each(['', '{"pid":1}', '{"pid":999999999,"startTime":"1"}', `{"pid":${process.pid},"startTime":"another"}`])(
    'is no obstacle when a crash left %j',
    (text) => {
      const path = join(folder, 'stale');
      writeFileSync(path, text);
      lockHome(path)();
    },
  );
});

describe('WEIR_HOME', () => {
  it('makes an admin key once, for its owner only', () => {
    const home = new Home(join(folder, 'home'));
    const key = home.adminKey();
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(home.adminKey()).toBe(key);
    expect(statSync(home.adminKeyFile).mode & 0o777).toBe(0o600);
    expect(statSync(home.path).mode & 0o777).toBe(0o700);
    writeFileSync(home.adminKeyFile, 'short');
    expect(() => home.adminKey()).toThrow('less than 32 characters');
  });

  it('puts a grown log aside at the start', () => {
    const home = new Home(join(folder, 'logs'));
    writeFileSync(home.logFile('redis'), Buffer.alloc(9 * 1024 * 1024));
    expect(() => statSync(home.logFile('redis'))).toThrow('ENOENT');
    expect(statSync(`${home.logFile('redis')}.1`).size).toBe(9 * 1024 * 1024);
  });
});

it('restarts wait longer with each death in a row, up to 10 s, and start anew after a healthy run', () => {
  const backoff = new Backoff();
  const pauses = Array.from({ length: 9 }, () => backoff.nextMs(10));
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  expect(backoff.nextMs(60_000)).toBe(100);
});

describe('private services', () => {
  it('sync to disk by the durability asked for', () => {
    expect(redisConfig(1, 'p', '/x y', 'process')).toContain('appendfsync no\n');
    expect(redisConfig(1, 'p', '/x y', 'power')).toContain('appendfsync always\n');
    expect(redisConfig(1, 'p', '/x y', 'power')).toContain('dir "/x y"\n');
    expect(natsConfig(1, 'p', '/x "y"')).toContain('store_dir: "/x \\"y\\"", max_file_store: 8GB');
  });
});

it('a role gets its settings by the environment, and nothing in the process list', () => {
  const config = { ...loadConfig({ REDIS_URL: 'redis://:s3cret@h:1' }), adminKey: 's3cret'.repeat(6) };
  const spec = roleSpec('gateway', 2, { folder: '/dist', mains: ROLE_MAINS }, config, { PATH: '/bin', TZ: 'UTC' });
  expect(spec.name).toBe('gateway-2');
  expect(spec.args).toEqual([...HEAP_FLAGS, '--enable-source-maps', '/dist/ingest/gateway/main.js']);
  expect(loadConfig(spec.env)).toMatchObject({ ...config, role: 'gateway', gatewayIndex: 2 });
  expect(spec.env.TZ).toBe('UTC');
});

it('the image runs Node with the same flags', () => {
  expect(readAsset('Dockerfile')).toContain(
    `ENTRYPOINT ${JSON.stringify(['node', ...HEAP_FLAGS]).replaceAll(',', ', ')}`,
  );
});

describe('the banner', () => {
  const catalog = join(folder, 'catalog.yaml');
  writeFileSync(
    catalog,
    'plans: [{ id: none }, { id: pro, features: { export: true } }]\ncustomers: [{ id: a, plan: none }, { id: "b c", plan: pro }]\n',
  );

  it('has one command to paste, which reads the key from its file', () => {
    const home = new Home(join(folder, 'banner'));
    const config = { ...loadConfig({ WEIR_CATALOG: catalog, WEIR_PORT: '9000' }), adminKey: 's3cret'.repeat(6) };
    const text = banner({ home, config, ownKey: false, workingFolder: folder, pid: 7 });
    expect(text).toContain('Bearer $(cat banner/admin.key)');
    expect(text).toContain(`-d '{"customer":"b c","feature":"export","amount":1}'`);
    expect(text).toContain('kill 7');
    expect(text).not.toContain('s3cret');
    expect(banner({ home, config, ownKey: true, workingFolder: folder, pid: 7 })).toContain('Bearer $WEIR_ADMIN_KEY');
  });

  it('falls back to the sample’s customer for a catalog that cannot be read', () => {
    expect(exampleCheck(join(folder, 'missing.yaml'))).toEqual({ customer: 'acme', feature: 'chat' });
  });

  it.each([
    ['0.0.0.0', 'http://127.0.0.1:80'],
    ['::', 'http://[::1]:80'],
    ['weir.local', 'http://weir.local:80'],
  ])('shows a URL that reaches a server listening on %s', (host, url) => {
    expect(httpUrl(host, 80)).toBe(url);
  });
});
