import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { waitFor } from '../../loadtest/harness/services.js';
import { WeirError } from '../contract/errors.js';
import type { WeirEngine } from '../create.js';
import { createRandom } from '../oracle/random.js';
import { useOutageBench } from './test-support.js';

/** Redis dies, stops and comes back under clients that go on asking; afterwards every answer is held against the books. */

const limit = (amount: number, onUnavailable: unknown): object => ({
  limits: [{ id: 'life', kind: 'quota', amount, window: { every: 'lifetime' }, onUnavailable }],
});
const HARD = 400;
const CUSTOMERS = ['c0', 'c1', 'c2'];
const FEATURES = ['open', 'tight', 'some'];
const bench = useOutageBench({
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [...FEATURES.map((id) => ({ id, kind: 'metered', meter: 'tokens' })), { id: 'sso', kind: 'boolean' }],
  plans: [
    {
      id: 'plan',
      features: {
        open: limit(10_000_000, 'allow'),
        tight: limit(HARD, 'deny'),
        some: limit(10_000_000, { allowUpTo: 40 }),
        sso: true,
      },
    },
  ],
  customers: [...CUSTOMERS, 'canary', 'nameless'].map((id) => ({ id, plan: 'plan' })),
});

interface Held {
  readonly key: string;
  readonly id: string;
  readonly amount: number;
}

/** What clients were told. */
class Answers {
  readonly allowed: Held[] = [];
  readonly unknown: {
    readonly engine: WeirEngine;
    readonly customer: string;
    readonly feature: string;
    readonly held: Held;
  }[] = [];
  degraded = 0;
  total = 0;

  async ask(engine: WeirEngine, customer: string, feature: string, held: Held): Promise<void> {
    this.total++;
    try {
      const outcome = await engine.check({ customer, feature, amount: held.amount, id: held.id, dryRun: false });
      if (outcome.status !== 'decided') throw new Error(`a check failed: ${outcome.code}`);
      if (outcome.decision.degraded) this.degraded++;
      if (outcome.decision.allowed) this.allowed.push(held);
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      if (error.code === 'outcome_unknown') this.unknown.push({ engine, customer, feature, held });
      else if (error.code !== 'store_unavailable' && error.code !== 'overloaded') throw error;
    }
  }

  /** Whoever heard `outcome_unknown` asks again with the same id, until it is known. */
  async learn(): Promise<void> {
    while (this.unknown.length > 0) {
      const batch = this.unknown.splice(0);
      await Promise.all(batch.map(({ engine, customer, feature, held }) => this.ask(engine, customer, feature, held)));
    }
  }
}

type Fault = 'stopped' | 'killed' | 'restarted at once';

async function inflict(fault: Fault, engines: readonly WeirEngine[]): Promise<void> {
  const { service } = bench();
  if (fault === 'restarted at once') {
    await service.kill('SIGKILL');
    await service.restart();
    return;
  }
  await service.kill(fault === 'stopped' ? 'SIGSTOP' : 'SIGKILL');
  for (const engine of engines) await bench().away(engine);
  // Some of the answers are given by the limits alone.
  const before = engines.map((engine) => engine.outage?.counters.admitted ?? 0);
  await waitFor(
    () => engines.every((engine, index) => (engine.outage?.counters.admitted ?? 0) > (before[index] ?? 0) + 20),
    {
      timeoutMs: 20_000,
      what: 'answers without Redis',
    },
  );
  if (fault === 'stopped') await service.kill('SIGCONT');
  else await service.restart();
}

/** Waits until Redis decides for all of them again. */
async function recovered(engines: readonly WeirEngine[]): Promise<void> {
  const before = engines.map((engine) => engine.counters.operations);
  const decides = (engine: WeirEngine, index: number): boolean =>
    engine.breakers.open === 0 && engine.counters.operations > (before[index] ?? 0) + 20;
  await waitFor(() => engines.every(decides), { timeoutMs: 30_000, what: 'decisions by Redis' });
}

test('after any faults of Redis the answers that clients hold are the counters and the facts, each once', async () => {
  const seed = Date.now() % 100_000;
  const random = createRandom(seed);
  const engines = await Promise.all([bench().open(), bench().open(), bench().open()]);
  await Promise.all(engines.flatMap((engine) => [...CUSTOMERS, 'canary'].map((customer) => engine.usage(customer))));
  const answers = new Answers();
  let sequence = 0;
  let isOver = false;
  const client = async (engine: WeirEngine): Promise<void> => {
    while (!isOver) {
      const customer = random.pick(CUSTOMERS);
      const feature = random.pick(FEATURES);
      const held = { key: `${customer} ${feature}`, id: `id-${sequence++}`, amount: random.int(1, 3) };
      await answers.ask(engine, customer, feature, held);
      await delay(random.int(0, 2));
    }
  };
  const clients = engines.flatMap((engine) => Array.from({ length: 8 }, () => client(engine)));
  const faults: Fault[] = ['stopped', 'killed', 'restarted at once', 'stopped', 'killed'];
  for (const fault of faults) {
    await inflict(fault, engines);
    await recovered(engines);
  }
  isOver = true;
  await Promise.all(clients);
  await bench().settled(...engines);
  await answers.learn();
  await bench().settled(...engines);

  const facts = await bench().facts();
  const context = `seed ${seed}, ${answers.total} answers, ${answers.degraded} degraded, ${facts.length} facts`;
  const sum = (list: readonly { key: string; amount: number }[], key: string): number =>
    list.filter((each) => each.key === key).reduce((total, { amount }) => total + amount, 0);
  const told = new Set(answers.allowed.map(({ id }) => id));
  expect(answers.degraded, context).toBeGreaterThan(100);
  expect(facts.map(({ id }) => id).sort(), context).toEqual([...told].sort());
  const charged = facts.map(({ customer, feature, amount }) => ({ key: `${customer} ${feature}`, amount }));
  for (const customer of CUSTOMERS) {
    const { features } = (await engines[0]?.usage(customer)) ?? { features: {} };
    for (const feature of FEATURES) {
      const key = `${customer} ${feature}`;
      const state = features[feature]?.limits.life;
      const distinct = [
        ...new Map(answers.allowed.filter((held) => held.key === key).map((held) => [held.id, held])).values(),
      ];
      expect(sum(distinct, key), `${context}: ${key}`).toBe(sum(charged, key));
      expect(state, `${context}: ${key}`).toMatchObject({ used: sum(charged, key) });
      if (feature === 'tight') expect(sum(charged, key), context).toBeLessThanOrEqual(HARD);
    }
  }
});

test('without ids nothing is charged twice either: what is charged is what was allowed, and at most what nobody knows', async () => {
  const engines = await Promise.all([bench().open(), bench().open()]);
  await Promise.all(engines.flatMap((engine) => ['nameless', 'canary'].map((customer) => engine.usage(customer))));
  const told = { allowed: 0, unknown: 0, other: 0 };
  let isOver = false;
  const client = async (engine: WeirEngine): Promise<void> => {
    while (!isOver) {
      await engine.check({ customer: 'nameless', feature: 'open', amount: 1, dryRun: false }).then(
        (outcome) => void (outcome.status === 'decided' && outcome.decision.allowed ? told.allowed++ : told.other++),
        (error: unknown) =>
          void (error instanceof WeirError && error.code === 'outcome_unknown' ? told.unknown++ : told.other++),
      );
      await delay(1);
    }
  };
  const clients = engines.flatMap((engine) => Array.from({ length: 8 }, () => client(engine)));
  const faults: Fault[] = ['killed', 'stopped', 'restarted at once', 'killed'];
  for (const fault of faults) {
    await inflict(fault, engines);
    // Who was cut off knows no customer any more, and learns them by asking.
    await recovered(engines);
  }
  isOver = true;
  await Promise.all(clients);
  await bench().settled(...engines);
  const facts = await bench().facts();
  expect(facts.length).toBeGreaterThanOrEqual(told.allowed);
  expect(facts.length).toBeLessThanOrEqual(told.allowed + told.unknown);
  expect((await engines[0]?.usage('nameless'))?.features.open?.limits.life).toMatchObject({ used: facts.length });
});
