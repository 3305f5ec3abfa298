import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, configEnvironment, loadConfig, unknownVariables } from './config.js';

const folder = mkdtempSync(join(tmpdir(), 'weir-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function configFile(text: string): string {
  const path = join(folder, `${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

function faultsOf(load: () => unknown): readonly string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const REDIS_EXAMPLES = 'redis://user:password@host:6379 or redis+cluster://user:password@host:7000,host:7001';

describe('loadConfig', () => {
  it('has a default for everything but credentials and URLs', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({ port: 8080, consolePort: 8081, host: '127.0.0.1', durability: 'process' });
    expect(config.home).toBe(resolve('.weir'));
    expect(config.gateways).toBeGreaterThanOrEqual(1);
    expect(config.redisUrl).toBeUndefined();
  });

  it('lets the environment win over the file, whichever name the file uses', () => {
    const file = configFile('port: 9000\nWEIR_CONSOLE_PORT: 9001\ndurability: power\n');
    const config = loadConfig({ WEIR_PORT: '7000' }, file);
    expect(config).toMatchObject({ port: 7000, consolePort: 9001, durability: 'power' });
  });

  it('takes an empty variable for unset, as Compose sends it', () => {
    expect(loadConfig({ REDIS_URL: '', WEIR_PORT: '' }).port).toBe(8080);
  });

  it.each([
    [{ WEIR_PORT: '80x' }, 'WEIR_PORT must be a whole number'],
    [{ WEIR_PORT: '1e3' }, 'WEIR_PORT must be a whole number'],
    [{ WEIR_PORT: '70000' }, 'WEIR_PORT must be at most 65535'],
    [{ WEIR_GATEWAYS: '0' }, 'WEIR_GATEWAYS must be at least 1'],
    [{ WEIR_DURABILITY: 'everysec' }, 'WEIR_DURABILITY must be process or power'],
    [{ REDIS_URL: 'localhost:6379' }, `REDIS_URL must be a URL such as ${REDIS_EXAMPLES}`],
    [{ REDIS_URL: 'redis://a:1,redis://b:2' }, `REDIS_URL must be a URL such as ${REDIS_EXAMPLES}`],
    [{ REDIS_URL: 'redis+cluster://a:1,b:99999' }, `REDIS_URL must be a URL such as ${REDIS_EXAMPLES}`],
    [{ WEIR_PORT: '9000', WEIR_CONSOLE_PORT: '9000' }, 'WEIR_CONSOLE_PORT must differ from WEIR_PORT'],
    [{ WEIR_STORE_FATE_MS: '10' }, 'WEIR_STORE_FATE_MS must be at least WEIR_STORE_TIMEOUT_MS'],
  ])('refuses %j and names the setting', (env, message) => {
    expect(faultsOf(() => loadConfig(env))).toEqual([message]);
  });

  it('refuses a short admin key without showing it', () => {
    const faults = faultsOf(() => loadConfig({ WEIR_ADMIN_KEY: 'hunter2' }));
    expect(faults).toEqual(['WEIR_ADMIN_KEY must have 32 or more characters']);
  });

  it('names every fault at once', () => {
    expect(faultsOf(() => loadConfig({ WEIR_PORT: 'x', WEIR_LOG_LEVEL: 'loud' }))).toHaveLength(2);
  });

  it('refuses unknown keys, keys set twice and broken YAML in the file', () => {
    expect(faultsOf(() => loadConfig({}, configFile('prot: 1\n')))[0]).toMatch(
      /prot is not a setting; did you mean port/,
    );
    expect(faultsOf(() => loadConfig({}, configFile('port: 1\nWEIR_PORT: 2\n')))[0]).toMatch(/set twice/);
    expect(faultsOf(() => loadConfig({}, configFile('- port\n')))[0]).toMatch(/must be a list of/);
    expect(faultsOf(() => loadConfig({}, configFile('a: "b\n')))[0]).toMatch(/not valid YAML/);
    expect(faultsOf(() => loadConfig({}, join(folder, 'missing.yaml')))[0]).toMatch(/cannot be read/);
  });

  it('passes all settings on to a child by its environment', () => {
    const config = loadConfig({ WEIR_PORT: '7000', REDIS_URL: 'redis://:p@h:1', WEIR_ADMIN_KEY: 'k'.repeat(40) });
    expect(loadConfig(configEnvironment(config))).toEqual(config);
  });
});

it('a slip in a variable is noticed, with the name that was meant', () => {
  expect(unknownVariables({ WEIR_PROT: '1', WEIR_PORT: '1', HOME: '/' })).toEqual([
    'WEIR_PROT is not a setting; did you mean WEIR_PORT?',
  ]);
});
