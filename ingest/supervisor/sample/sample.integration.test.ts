import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CatalogRegistry, connectRedis, createEngine, parseCatalog } from '../../../engine/index.js';
import { loadConfig } from '../../../engine/platform/config.js';
import { type Service, startRedis } from '../../../loadtest/harness/services.js';
import { Home } from '../home.js';
import { Sample, sampleCatalogFile } from './sample.js';

/** A sample against a real Redis: what is charged, and what a load that was cut off leaves. */

const NOW_MS = Date.now();
const OPTIONS = { customers: 40, days: 6 };
let redis: Service;
const folders: string[] = [];
const newHome = (): Home => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-sample-'));
  folders.push(folder);
  return new Home(folder);
};

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Loads a sample into an empty Redis. @returns used of every customer's month. */
async function loaded(home: Home, sample: Sample, cutAt: number): Promise<Record<string, number>> {
  const client = connectRedis(redis.url);
  await client.flushall();
  const registry = new CatalogRegistry(client);
  await registry.initialise({ shards: 1 });
  await registry.apply(parseCatalog(readFileSync(sampleCatalogFile(home), 'utf8')), { owner: 'file', actor: 'test' });
  client.disconnect();
  const before = readFileSync(join(home.path, 'sample.json'), 'utf8');
  let cut = before;
  await sample.load(redis.url, (share) => {
    if (share <= cutAt) cut = readFileSync(join(home.path, 'sample.json'), 'utf8');
  });
  if (cutAt < 1) {
    // As if the last slots had been decided, and their being done not written down.
    writeFileSync(join(home.path, 'sample.json'), cut);
    await Sample.prepare(home, loadConfig({}), OPTIONS, NOW_MS).load(redis.url, () => undefined);
  }
  const engine = await createEngine({ redis: redis.url });
  const used: Record<string, number> = {};
  for (let index = 1; index <= OPTIONS.customers; index++) {
    const customer = `cus_${String(index).padStart(4, '0')}`;
    const { features } = await engine.usage(customer);
    const monthly = features.chat?.limits.monthly;
    used[customer] = monthly?.kind === 'quota' ? monthly.used : -1;
  }
  await engine.close();
  return used;
}

it('is charged once, also where a load was cut off and begun again', async () => {
  const whole = newHome();
  const sample = Sample.prepare(whole, loadConfig({}), OPTIONS, NOW_MS);
  expect(sample.isLoaded).toBe(false);
  const used = await loaded(whole, sample, 1);
  expect(sample.isLoaded).toBe(true);
  expect(Object.values(used).filter((amount) => amount > 0).length).toBeGreaterThan(OPTIONS.customers / 2);

  const home = newHome();
  expect(await loaded(home, Sample.prepare(home, loadConfig({}), OPTIONS, NOW_MS), 0.9)).toEqual(used);
});

it('goes into a Weir of its own only', () => {
  const home = newHome();
  const prepare = (environment: NodeJS.ProcessEnv) => () =>
    Sample.prepare(home, loadConfig(environment), OPTIONS, NOW_MS);
  expect(prepare({ WEIR_CATALOG: 'mine.yaml' })).toThrow('WEIR_CATALOG');
  expect(prepare({ REDIS_URL: 'redis://127.0.0.1:1' })).toThrow('REDIS_URL');
  writeFileSync(join(home.redisFolder, 'dump.rdb'), '');
  expect(prepare({})).toThrow('has data');
});
