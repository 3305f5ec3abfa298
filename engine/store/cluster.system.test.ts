import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ClusterMember, type RedisCluster, startRedisCluster } from '../../loadtest/harness/redis-cluster.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { openCatalogView } from '../catalog/cache.js';
import { parseCatalog } from '../catalog/document.js';
import { connectRedis, type RedisClient } from '../catalog/redis.js';
import { CatalogRegistry } from '../catalog/registry.js';
import { CLUSTER_SHARDS, ID_RETENTION_MS } from '../contract/constants.js';
import { WeirError } from '../contract/errors.js';
import { decodeEntry } from '../contract/fact.js';
import { createEngine, type WeirEngine } from '../create.js';
import type { CheckOutcome } from '../engine.js';
import { Resolver } from '../limits/resolve.js';
import { operationOf } from '../operations.js';
import { decodeReply, encodeCall, encodeHeader } from './codec.js';
import { absentKey, fateKey, holderKey, outboxKey, retentionKey, shardName, shardOf, shardStateKey } from './keys.js';
import { Script } from './scripts.js';

const AUTHOR = { owner: 'test', actor: 'test' };
const QUOTA = 300;
const CUSTOMERS = 40;
const DENIED_PAUSE_MS = 20;
const customers = Array.from({ length: CUSTOMERS }, (_, index) => `c${index}`);
const plan = (amount: number): object => ({
  id: 'plan',
  features: { chat: { limits: [{ id: 'life', kind: 'quota', amount, window: { every: 'lifetime' } }] } },
});
const catalog = {
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [{ id: 'chat', kind: 'metered', meter: 'tokens' }],
  plans: [plan(QUOTA)],
  customers: customers.map((id) => ({ id, plan: 'plan' })),
};

let cluster: RedisCluster;
let redis: RedisClient;
let registry: CatalogRegistry;
const engines: WeirEngine[] = [];

async function open(options: { storeTimeoutMs?: number; storeFateMs?: number } = {}): Promise<WeirEngine> {
  const engine = await createEngine({ redis: cluster.url, storeTimeoutMs: 20_000, storeFateMs: 20_000, ...options });
  engines.push(engine);
  return engine;
}

beforeAll(async () => {
  cluster = await startRedisCluster();
  redis = connectRedis(cluster.url);
});

beforeEach(async () => {
  await cluster.flush();
  registry = new CatalogRegistry(redis);
  await registry.initialise({ shards: CLUSTER_SHARDS });
  expect((await registry.apply(parseCatalog(JSON.stringify(catalog)), AUTHOR)).status).toBe('applied');
});

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

afterAll(async () => {
  redis.disconnect();
  await cluster.stop();
});

const check = (engine: WeirEngine, customer: string, amount = 1, id?: string) =>
  engine.check({ customer, feature: 'chat', amount, id, dryRun: false });

const isAdmitted = (outcome: CheckOutcome): boolean => outcome.status === 'decided' && outcome.decision.allowed;

const shardNameOf = (customer: string): string => shardName(shardOf(customer, CLUSTER_SHARDS));

/** Amounts by customer, as the outboxes of all shards have them. */
async function factsByCustomer(): Promise<Map<string, number>> {
  const sums = new Map(customers.map((customer) => [customer, 0]));
  for (let index = 0; index < CLUSTER_SHARDS; index++) {
    for (const [, fields] of await redis.xrangeBuffer(outboxKey(shardName(index)), '-', '+')) {
      for (const { customer, amount } of decodeEntry(fields[1] ?? Buffer.alloc(0)).facts) {
        sums.set(customer, (sums.get(customer) ?? 0) + amount);
      }
    }
  }
  return sums;
}

async function countersByCustomer(engine: WeirEngine): Promise<Map<string, number>> {
  const used = customers.map(async (customer): Promise<[string, number]> => {
    const limit = (await engine.usage(customer)).features.chat?.limits.life;
    return [customer, limit?.kind === 'quota' ? limit.used : Number.NaN];
  });
  return new Map(await Promise.all(used));
}

/** Checks of one unit without pause, every second one under an id, through all engines at once, until it is stopped. */
class Load {
  /** Admitted and answered, by customer. */
  readonly admitted = new Map(customers.map((customer) => [customer, 0]));
  /** Answers in all, and those that were errors, by code. */
  answers = 0;
  readonly errors = new Map<string, number>();
  #ids = 0;
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(gateways: readonly WeirEngine[]) {
    this.#running = Promise.all(
      gateways.flatMap((gateway) => customers.map((customer) => this.#ask(gateway, customer))),
    );
  }

  async #ask(gateway: WeirEngine, customer: string): Promise<void> {
    while (!this.#stopped) {
      try {
        const id = ++this.#ids % 2 === 0 ? `id-${this.#ids}` : undefined;
        const outcome = await check(gateway, customer, 1, id);
        // Who has used up a quota asks now and then: the machine is for those who have not.
        if (!isAdmitted(outcome)) await delay(DENIED_PAUSE_MS);
        else this.admitted.set(customer, (this.admitted.get(customer) ?? 0) + 1);
      } catch (error) {
        if (!(error instanceof WeirError)) throw error;
        this.errors.set(error.code, (this.errors.get(error.code) ?? 0) + 1);
      }
      this.answers++;
    }
  }

  /** Resolves after so many more answers. */
  async goOn(count: number): Promise<void> {
    const until = this.answers + count;
    await waitFor(() => this.answers >= until, { timeoutMs: 30_000, what: `${count} more answers` });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }
}

test('a batch over many customers is split by shard, and every item has its own answer', async () => {
  const engine = await open();
  const requests = Array.from({ length: 4 * CUSTOMERS }, (_, index) => ({
    customer: customers[index % CUSTOMERS] ?? '',
    feature: 'chat',
    amount: 1 + (index % 7),
    dryRun: false,
  }));
  const outcomes = await engine.checkMany(requests, false);
  const used = new Map<string, number>();
  for (const [index, outcome] of outcomes.entries()) {
    const { customer, amount } = requests[index] ?? { customer: '', amount: 0 };
    used.set(customer, (used.get(customer) ?? 0) + amount);
    expect(outcome).toMatchObject({ decision: { allowed: true, limits: { life: { used: used.get(customer) } } } });
  }
  expect(engine.counters.calls).toBeLessThanOrEqual(CLUSTER_SHARDS);
  expect(await factsByCustomer()).toEqual(used);
  const masters = await Promise.all(
    customers.map((customer) => cluster.masterOf(shardStateKey(shardNameOf(customer)))),
  );
  expect(new Set(masters).size).toBe(3);
});

test('several gateways together admit every quota to the unit, and a lost reply charges once', async () => {
  const gateways = await Promise.all([open(), open(), open()]);
  const rounds: Promise<CheckOutcome[]>[] = [];
  for (let round = 0; round < 30; round++) {
    const answers = gateways.flatMap((gateway) => customers.map((customer) => check(gateway, customer, 5)));
    rounds.push(Promise.all(answers));
    if (round % 3 === 0) await cluster.cut('weir-engine');
  }
  const outcomes = (await Promise.all(rounds)).flat();
  expect(outcomes.filter(isAdmitted)).toHaveLength((CUSTOMERS * QUOTA) / 5);
  expect(gateways.reduce((sum, { counters }) => sum + counters.resends, 0)).toBeGreaterThan(0);
  expect(new Set((await factsByCustomer()).values())).toEqual(new Set([QUOTA]));
});

test('masters that have forgotten the functions are given them, each its own', async () => {
  const engine = await open();
  await Promise.all(customers.map((customer) => check(engine, customer)));
  for (const master of await cluster.masters()) await master.redis.call('FUNCTION', 'FLUSH');
  await Promise.all(customers.map((customer) => check(engine, customer)));
  expect(new Set((await countersByCustomer(engine)).values())).toEqual(new Set([2]));
});

test('a slot that moves to another master while checks run admits exactly the quota', async () => {
  const gateways = await Promise.all([open(), open()]);
  const state = shardStateKey(shardNameOf('c0'));
  const from = await cluster.masterOf(state);
  const to = other(await cluster.masters(), from);
  const before = await cluster.errors();
  // Else a key that every call names is missing anyhow, and no call could run on a part of the shard.
  await redis.set(retentionKey(shardNameOf('c0')), ID_RETENTION_MS);
  const load = new Load(gateways);
  await load.goOn(500);
  await cluster.moveSlot(state, to, {
    partly: () => load.goOn(20),
    moved: async () => {
      await waitFor(async () => (await cluster.errors()).ask > before.ask, { timeoutMs: 10_000, what: 'an ASK' });
    },
  });
  expect(await cluster.masterOf(state)).toBe(to);
  await waitFor(() => load.admitted.get('c0') === QUOTA, { timeoutMs: 20_000, what: 'the quota to be used up' });
  await load.stop();
  const errors = await cluster.errors();
  expect(errors.moved).toBeGreaterThan(before.moved);
  expect(errors.tryAgain).toBeGreaterThan(before.tryAgain);
  expect(load.errors).toEqual(new Map());
  expect(await countersByCustomer(gateways[0] ?? (await open()))).toEqual(load.admitted);
  expect(await factsByCustomer()).toEqual(load.admitted);
});

test('a batch that waits for its slot to move is decided in its order, over several calls', async () => {
  const engine = await open();
  const state = shardStateKey(shardNameOf('c0'));
  const to = other(await cluster.masters(), await cluster.masterOf(state));
  const item = { customer: 'c0', feature: 'chat', amount: 1, dryRun: false };
  expect(await check(engine, 'c0')).toMatchObject({ status: 'decided' });
  const { tryAgain } = await cluster.errors();
  let batch: Promise<CheckOutcome[]> | undefined;
  await cluster.moveSlot(state, to, {
    partly: async () => {
      batch ??= engine.checkMany(Array(QUOTA).fill(item), false);
    },
    moved: async () => {
      await waitFor(async () => (await cluster.errors()).tryAgain > tryAgain + 10, {
        timeoutMs: 10_000,
        what: 'the batch to be put back again and again',
      });
    },
  });
  const used = (await batch)?.map((outcome) => {
    const state = outcome.status === 'decided' ? outcome.decision.limits.life : undefined;
    return state?.kind === 'quota' ? state.used : undefined;
  });
  expect(used).toEqual(Array.from({ length: QUOTA }, (_, index) => Math.min(index + 2, QUOTA)));
  expect((await factsByCustomer()).get('c0')).toBe(QUOTA);
});

test('a replica that takes over by order loses nothing: answers, counters and facts are the same', async () => {
  const gateways = await Promise.all([open(), open()]);
  const master = await cluster.masterOf(shardStateKey(shardNameOf('c0')));
  const load = new Load(gateways);
  await load.goOn(500);
  await cluster.failover(master);
  await waitFor(() => [...load.admitted.values()].every((amount) => amount === QUOTA), {
    timeoutMs: 20_000,
    what: 'every quota to be used up',
  });
  await load.stop();
  expect(load.errors).toEqual(new Map());
  expect(await countersByCustomer(gateways[0] ?? (await open()))).toEqual(load.admitted);
  expect(await factsByCustomer()).toEqual(load.admitted);
  await cluster.replicated();
});

test('a call that comes again gets its reply from the new master too, and one that a later call overtook never runs', async () => {
  const shard = shardNameOf('c0');
  const view = await openCatalogView({ redis: cluster.url });
  try {
    await view.loadCustomer('c0');
    const access = new Resolver(view).access('c0', 'chat', Date.now());
    if (access === undefined) throw new Error('c0 is not in the catalog');
    const operation = operationOf('check', access, 1, undefined, { customer: 'c0', source: 'check' });
    const { holders, sets, descriptors, operations } = encodeCall([{ operations: [operation], atomic: false }]);
    const script = new Script('commit');
    const named = [shardStateKey(shard), outboxKey(shard), fateKey(shard, 'gateway', 0), retentionKey(shard)];
    const keys = [...named, ...holders.map((holder) => holderKey(shard, holder)), absentKey(shard)];
    const call = (sequence: number): Promise<unknown> => {
      const header = encodeHeader(sequence, view.version, 0, true, 1);
      return script.run(redis, keys, [header, sets, descriptors, operations, `{${shard}}:`]);
    };
    const first = await call(1);
    await cluster.failover(await cluster.masterOf(shardStateKey(shard)));
    expect(await call(1)).toEqual(first);
    expect((await factsByCustomer()).get('c0')).toBe(1);
    await call(2);
    const overtaken = await call(1);
    expect(Buffer.isBuffer(overtaken) && decodeReply(overtaken)).toEqual({ status: 'superseded' });
    expect((await factsByCustomer()).get('c0')).toBe(2);
  } finally {
    await view.close();
  }
  await cluster.replicated();
});

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'a master that ends by %s is replaced: the books agree, no quota is passed, and other shards lose nothing',
  async (signal) => {
    const amount = 1_000;
    await registry.putObject('plan', 'plan', plan(amount), AUTHOR);
    const gateways = await Promise.all([1, 2].map(() => open({ storeTimeoutMs: 50, storeFateMs: 2_000 })));
    const master = await cluster.masterOf(shardStateKey(shardNameOf('c0')));
    const isHit = new Map<string, boolean>();
    for (const customer of customers) {
      isHit.set(customer, (await cluster.masterOf(shardStateKey(shardNameOf(customer)))) === master);
    }
    const patient = await open();
    const replica = await cluster.replicaOf(master);
    const load = new Load(gateways);
    await load.goOn(500);
    await master.service.kill(signal);
    try {
      await cluster.takeOver(replica);
      await waitFor(async () => [...(await countersByCustomer(patient)).values()].every((used) => used >= amount), {
        timeoutMs: 40_000,
        what: 'every quota to be used up',
      });
    } finally {
      await load.stop();
      if (signal === 'SIGKILL') await master.service.restart();
      else await master.service.kill('SIGCONT');
    }
    await cluster.replicated();
    const all = new Map(customers.map((customer) => [customer, amount]));
    expect(await countersByCustomer(patient)).toEqual(all);
    expect(await factsByCustomer()).toEqual(all);
    for (const [customer, admitted] of load.admitted) if (isHit.get(customer) === false) expect(admitted).toBe(amount);
    expect(
      [...load.errors.keys()].filter((code) => code !== 'store_unavailable' && code !== 'outcome_unknown'),
    ).toEqual([]);
  },
);

test('a cluster that goes down as a whole is answered for, and decides again when it is back, by the same counters', async () => {
  const engine = await open({ storeTimeoutMs: 50, storeFateMs: 500 });
  await Promise.all(customers.map((customer) => check(engine, customer)));
  await Promise.all(cluster.members.map(({ service }) => service.kill('SIGKILL')));
  const settled = await Promise.allSettled(customers.map((customer) => check(engine, customer)));
  const codes = settled.map((each) => (each.status === 'rejected' ? each.reason.code : 'decided'));
  expect(codes.filter((code) => code !== 'store_unavailable' && code !== 'outcome_unknown')).toEqual([]);
  await Promise.all(cluster.members.map(({ service }) => service.restart()));
  await cluster.replicated();
  const patient = await waitFor(() => open().catch(() => undefined), { timeoutMs: 20_000, what: 'an engine to open' });
  expect(new Set((await countersByCustomer(patient)).values())).toEqual(new Set([1]));
  for (const customer of customers) {
    await waitFor(() => check(engine, customer).then(isAdmitted), { timeoutMs: 20_000, what: 'the cluster to decide' });
  }
  expect(await factsByCustomer()).toEqual(await countersByCustomer(patient));
});

function other(members: readonly ClusterMember[], than: ClusterMember): ClusterMember {
  const found = members.find((member) => member !== than);
  if (found === undefined) throw new Error('there is one master only');
  return found;
}
