import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitFor } from '../../loadtest/harness/services.js';
import { createRandom } from '../oracle/random.js';
import { useOutageBench } from '../outage/test-support.js';

/** A loss of power under `appendfsync no`: the end of the append-only file is gone, from any byte on. */

const bench = useOutageBench({
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [
    {
      id: 'pro',
      features: {
        chat: {
          limits: [
            { id: 'life', kind: 'quota', amount: 1_000_000, window: { every: 'lifetime' } },
            { id: 'burst', kind: 'bucket', capacity: 1_000_000, refill: { amount: 1, everyMs: 1_000 } },
          ],
        },
      },
    },
  ],
  customers: [
    { id: 'acme', plan: 'pro' },
    { id: 'canary', plan: 'pro' },
  ],
});

const CHECKS = 60;
const CUTS = 16;

test('wherever the append-only file is torn, a call is there with counter, fact and id, or not at all', async () => {
  const seed = Date.now() % 100_000;
  const random = createRandom(seed);
  const { service } = bench();
  const first = await bench().open();
  const check = { customer: 'acme', feature: 'chat', dryRun: false } as const;
  for (let index = 0; index < CHECKS; index++) {
    await first.check({ ...check, amount: 1 + (index % 5), id: `id-${index}` });
  }
  await first.close();
  await service.kill('SIGKILL');
  const folder = join(service.folder, 'appendonlydir');
  const [name = ''] = readdirSync(folder).filter((each) => each.endsWith('.incr.aof'));
  const whole = readFileSync(join(folder, name));
  const from = whole.indexOf('id-0');
  const seen = new Set<number>();
  for (let cut = 0; cut < CUTS; cut++) {
    const bytes = cut === 0 ? whole.length : random.int(from, whole.length - 1);
    const context = `seed ${seed}, torn at ${bytes} of ${whole.length}`;
    writeFileSync(join(folder, name), whole.subarray(0, bytes));
    await service.restart();
    const { redis } = bench();
    await waitFor(async () => (await redis.ping()) === 'PONG', { timeoutMs: 10_000, what: 'Redis' });
    const engine = await bench().open();
    const facts = await bench().facts();
    const sum = facts.reduce((total, { amount }) => total + amount, 0);
    const usage = await engine.usage('acme');
    expect(usage.features.chat?.limits.life, context).toMatchObject({ used: sum });
    // What is there is known by its id, what is not is charged anew: each once.
    for (let index = 0; index < CHECKS; index++) {
      const outcome = await engine.check({ ...check, amount: 1 + (index % 5), id: `id-${index}` });
      const replayed = outcome.status === 'decided' && outcome.decision.replayed;
      expect(replayed, `${context}, id-${index}`).toBe(facts.some(({ id }) => id === `id-${index}`));
    }
    seen.add(facts.length);
    await engine.close();
    await service.kill('SIGKILL');
  }
  expect(seen.has(CHECKS)).toBe(true);
  expect(seen.size).toBeGreaterThan(3);
  await service.restart();
});
