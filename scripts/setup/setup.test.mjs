import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { staleOutputs } from './build.mjs';
import { countTests } from './checks.mjs';
import { livingHolder, startTimeOf, withLock } from './lock.mjs';
import { completeLock } from './lock-file.mjs';
import { satisfies } from './node-version.mjs';
import { isInstalled } from './packages.mjs';
import { ROOT } from './paths.mjs';
import { installPlan, manualInstructions, PROGRAMS, redisVersionProblem } from './programs.mjs';

const folder = mkdtempSync(join(tmpdir(), 'weir-setup-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ['20.11.1', false],
  ['20.12.0', true],
  ['20.20.2', true],
  ['21.0.0', false],
  ['18.20.0', false],
])('Node %s is taken: %s', (version, taken) => {
  expect(satisfies(version, '>=20.12 <21')).toBe(taken);
});

it('npm scripts replace their shell, which would not pass SIGTERM on', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const line of Object.values(scripts)) {
    if (line.includes('run.mjs')) expect(line).toMatch(/^exec node scripts\/run\.mjs \w+$/);
  }
});

describe('packages are installed', () => {
  const lock = (/** @type {object} */ packages) => JSON.stringify({ packages: { '': {}, ...packages } });
  const pino = { version: '1.0.0', integrity: 'sha512-a' };

  it('when each has the version of the lock', () => {
    expect(isInstalled(lock({ 'node_modules/pino': pino }), lock({ 'node_modules/pino': pino }))).toBe(true);
    expect(
      isInstalled(lock({ 'node_modules/pino': { ...pino, version: '2.0.0' } }), lock({ 'node_modules/pino': pino })),
    ).toBe(false);
    expect(isInstalled(lock({ 'node_modules/pino': pino }), lock({}))).toBe(false);
  });

  it('without optional ones for other platforms, but not without those we name', () => {
    const other = { 'node_modules/cli-darwin': { version: '1.0.0', optional: true } };
    expect(isInstalled(lock(other), lock({}))).toBe(true);
    expect(isInstalled(lock({ ...other, '': { optionalDependencies: { 'cli-darwin': '1.0.0' } } }), lock({}))).toBe(
      false,
    );
  });
});

describe('package-lock.json', () => {
  it('names the optional packages of every platform (else run "node scripts/complete-lock.mjs")', () => {
    expect(completeLock(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).added).toEqual([]);
  });

  it('is completed by what its packages name', () => {
    const packages = {
      '': {},
      'node_modules/a': { dev: true, optionalDependencies: { 'a-linux-x64-musl': '1.0.0', b: '1.0.0' } },
      'node_modules/b': {},
    };
    const { text, added } = completeLock(JSON.stringify({ packages }));
    expect(added).toEqual(['node_modules/a-linux-x64-musl']);
    expect(JSON.parse(text).packages['node_modules/a-linux-x64-musl']).toEqual({
      version: '1.0.0',
      dev: true,
      optional: true,
      os: ['linux'],
      cpu: ['x64'],
      libc: ['musl'],
    });
  });
});

describe('missing programs', () => {
  const both = [PROGRAMS.redis, PROGRAMS.nats];

  it('are installed by apt-get with the rights there are', () => {
    const root = installPlan(both, { apt: true, brew: false, root: true, sudo: false });
    expect(root?.[1]?.join(' ')).toMatch(
      /^env DEBIAN_FRONTEND=noninteractive apt-get .* install -y .* redis-server nats-server$/,
    );
    const sudo = installPlan(both, { apt: true, brew: false, root: false, sudo: true });
    expect(sudo?.[0]?.slice(0, 3)).toEqual(['sudo', '-n', 'env']);
  });

  it('are installed by brew, or asked for where nothing can install them', () => {
    const brew = installPlan([PROGRAMS.redis], { apt: false, brew: true, root: false, sudo: false });
    expect(brew).toEqual([['brew', 'install', 'redis']]);
    expect(installPlan(both, { apt: true, brew: false, root: false, sudo: false })).toBeUndefined();
    expect(manualInstructions(both)).toContain(
      'sudo apt-get update && sudo apt-get install -y redis-server nats-server',
    );
    expect(manualInstructions(both)).toContain('docker compose up');
  });

  it('an old Redis is refused with its version', () => {
    expect(redisVersionProblem('Redis server v=7.0.15 sha=0')).toBeUndefined();
    expect(redisVersionProblem('Redis server v=6.0.16 sha=0')).toContain('is Redis 6.0.16');
  });
});

it('compiled files whose source is gone are removed, the pages of the console are not', () => {
  const outputs = ['engine/a.js', 'engine/a.js.map', 'engine/gone.js', 'analytics/console/web/index.js'];
  expect(staleOutputs(outputs, ['engine/a.ts'])).toEqual(['engine/gone.js']);
});

describe('the sum of the tests', () => {
  const report = (/** @type {number} */ passed, /** @type {number} */ failed, /** @type {object[]} */ testResults) =>
    JSON.stringify({ numPassedTests: passed, numFailedTests: failed, testResults });

  it('counts tests', () => {
    const file = { status: 'failed', assertionResults: [{ status: 'passed' }, { status: 'failed' }] };
    expect(countTests(report(1, 1, [file]), 1)).toEqual({ passed: 1, failed: 1 });
    expect(countTests(report(2, 0, [{ status: 'passed', assertionResults: [] }]), 0)).toEqual({ passed: 2, failed: 0 });
  });

  it('is never "0 failed" for a run that failed', () => {
    expect(countTests(report(0, 0, [{ status: 'failed', assertionResults: [] }]), 1)).toEqual({ passed: 0, failed: 1 });
    expect(countTests(report(3, 0, []), 1)).toEqual({ passed: 3, failed: 1 });
    expect(countTests(undefined, 1)).toEqual({ passed: 0, failed: 1 });
  });
});

describe('the lock of a set-up', () => {
  it('lets one in at a time, and leaves nothing behind', async () => {
    const path = join(folder, 'busy.lock');
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    let waited = 0;
    await Promise.all([1, 2].map(() => withLock(path, work, () => waited++)));
    expect(most).toBe(1);
    expect(waited).toBe(1);
    expect(() => readFileSync(path)).toThrow('ENOENT');
  });

  it('is taken from a holder that is gone, also when its pid has another process now', async () => {
    const path = join(folder, 'stale.lock');
    for (const text of ['999999999\n1', `${process.pid}\nnot our start time`, '']) {
      writeFileSync(path, text);
      expect(livingHolder(text)).toBeUndefined();
      expect(
        await withLock(
          path,
          async () => 'done',
          () => undefined,
        ),
      ).toBe('done');
    }
    expect(livingHolder(`${process.pid}\n${startTimeOf(process.pid)}`)).toBe(process.pid);
  });
});
