import { copyFile, readdir, rename, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitFor } from '../../loadtest/harness/services.js';
import type { CheckRequest } from '../contract/check.js';
import { WeirError } from '../contract/errors.js';
import type { WeirEngine } from '../create.js';
import { AUTHOR, useOutageBench, wordOf } from './test-support.js';

const life = (id: string, amount: number, onUnavailable: unknown): object => ({
  id,
  kind: 'quota',
  amount,
  window: { every: 'lifetime' },
  onUnavailable,
});
const CUSTOMERS = ['c0', 'c1', 'c2', 'c3'];
const bench = useOutageBench({
  meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }],
  features: [
    ...['chat', 'strict', 'some', 'mixed', 'free'].map((id) => ({ id, kind: 'metered', meter: 'tokens' })),
    { id: 'sso', kind: 'boolean' },
    { id: 'support', kind: 'config' },
  ],
  plans: [
    {
      id: 'plan',
      features: {
        chat: { limits: [life('life', 1_000_000, 'allow')] },
        strict: { limits: [life('life', 1_000_000, 'deny')] },
        some: { limits: [life('life', 1_000_000, { allowUpTo: 50 })] },
        mixed: {
          limits: [
            life('a', 1_000_000, 'allow'),
            { ...life('b', 1_000_000, 'deny'), shadow: true },
            life('c', 1, undefined),
          ],
        },
        free: { limits: [] },
        sso: true,
        support: 'email',
      },
    },
  ],
  customers: [
    ...[...CUSTOMERS, 'canary'].map((id) => ({ id, plan: 'plan' })),
    { id: 'gone', plan: 'plan', status: 'suspended' },
    { id: 'ended', plan: 'plan', endsAt: '2020-01-01T00:00:00Z' },
    { id: 'cold', plan: 'plan' },
  ],
});

const request = (feature: string, more: Partial<CheckRequest> = {}): CheckRequest => ({
  customer: 'c0',
  feature,
  amount: 1,
  dryRun: false,
  ...more,
});
const codeOf = (error: unknown): string => (error instanceof WeirError ? error.code : String(error));
const word = (engine: WeirEngine, asked: CheckRequest): Promise<string> => engine.check(asked).then(wordOf, codeOf);
const usedOf = async (engine: WeirEngine, customer: string, feature: string, limit = 'life'): Promise<unknown> => {
  const state = (await engine.usage(customer)).features[feature]?.limits[limit];
  return state?.kind === 'quota' ? state.used : undefined;
};

/** An engine that knows the customers, and finds Redis stopped. */
async function stopped(options: Parameters<ReturnType<typeof bench>['open']>[0] = {}): Promise<WeirEngine> {
  const engine = await bench().open(options);
  await Promise.all([...CUSTOMERS, 'canary', 'gone', 'ended'].map((id) => engine.usage(id)));
  await bench().service.kill('SIGSTOP');
  await bench().away(engine);
  return engine;
}

async function resume(...engines: WeirEngine[]): Promise<void> {
  await bench().service.kill('SIGCONT');
  await bench().settled(...engines);
}

test('while Redis is away each limit says what happens, and the answers say that they are degraded', async () => {
  const engine = await stopped();
  expect(await engine.check(request('chat', { amount: 3 }))).toMatchObject({
    decision: { allowed: true, reason: 'ok', degraded: true, replayed: false, remaining: null, limits: {} },
  });
  expect(await engine.check(request('strict'))).toMatchObject({
    decision: { allowed: false, reason: 'unavailable', degraded: true, deniedBy: ['life'], retryAfterMs: 1_000 },
  });
  expect(await engine.check(request('mixed'))).toMatchObject({
    decision: { allowed: false, reason: 'unavailable', deniedBy: ['c'], shadowDeniedBy: ['b'] },
  });
  expect(await engine.check(request('some', { amount: 20 }))).toMatchObject({
    decision: { allowed: true, remaining: 30, degraded: true },
  });
  expect(await engine.check(request('free'))).toMatchObject({ decision: { allowed: true, degraded: true } });
  expect(await engine.check(request('sso'))).toMatchObject({
    decision: { allowed: true, value: true, degraded: true },
  });
  expect(await engine.check(request('support'))).toMatchObject({ decision: { value: 'email', degraded: true } });
  expect(await word(engine, request('nothing'))).toBe('unknown_feature');
  expect(await word(engine, request('chat', { customer: 'gone' }))).toBe('suspended');
  expect(await word(engine, request('chat', { customer: 'ended' }))).toBe('expired');
  // A customer that this gateway never saw, and what only a catalog in force can call a mistake.
  expect(await word(engine, request('chat', { customer: 'cold' }))).toBe('store_unavailable');
  expect(await word(engine, request('chat', { amount: 0.5 }))).toBe('store_unavailable');

  const event = { id: 'e', source: 's', type: 'llm', customer: 'c0', data: { tokens: 1 } };
  await expect(engine.record([event])).rejects.toMatchObject({ code: 'store_unavailable' });
  const reservation = { id: 'r', customer: 'c0', feature: 'chat', amount: 1, ttlMs: 60_000 };
  await expect(engine.reserve(reservation)).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(engine.commit({ id: 'r', customer: 'c0', amount: 1 })).rejects.toMatchObject({
    code: 'store_unavailable',
  });
  await expect(engine.usage('c0')).rejects.toMatchObject({ code: 'store_unavailable' });

  await resume(engine);
  expect(await usedOf(engine, 'c0', 'chat')).toBe(3);
  expect(await usedOf(engine, 'c0', 'some')).toBe(20);
  expect(await usedOf(engine, 'c0', 'strict')).toBe(0);
  expect(await usedOf(engine, 'c0', 'mixed', 'a')).toBe(0);
  const facts = await bench().facts();
  expect(facts.map(({ feature, amount, kind }) => [feature, amount, kind])).toEqual([
    ['chat', 3, 'record'],
    ['some', 20, 'record'],
    ['free', 1, 'record'],
  ]);
  expect(await engine.check(request('strict'))).toMatchObject({ decision: { allowed: true, degraded: false } });
});

test('allowUpTo admits exactly so much per customer and outage, however many ask at once; dry runs take nothing', async () => {
  const engine = await stopped();
  const dry = await Promise.all(
    Array.from({ length: 30 }, () => engine.check(request('some', { amount: 5, dryRun: true }))),
  );
  expect(dry.map(wordOf)).toEqual(dry.map(() => 'ok'));
  const words = await Promise.all(
    Array.from({ length: 200 }, (_, index) => word(engine, request('some', { customer: CUSTOMERS[index % 4] ?? '' }))),
  );
  expect(words.filter((each) => each === 'ok')).toHaveLength(200);
  const more = await Promise.all(Array.from({ length: 20 }, () => word(engine, request('some'))));
  expect(new Set(more)).toEqual(new Set(['unavailable']));
  expect(await word(engine, request('some', { dryRun: true }))).toBe('unavailable');
  await resume(engine);
  for (const customer of CUSTOMERS) expect(await usedOf(engine, customer, 'some')).toBe(50);

  await bench().service.kill('SIGSTOP');
  await bench().away(engine);
  expect(await engine.check(request('some', { amount: 50 }))).toMatchObject({
    decision: { allowed: true, remaining: 0 },
  });
  expect(await word(engine, request('some'))).toBe('unavailable');
  await resume(engine);
  expect(await usedOf(engine, 'c0', 'some')).toBe(100);
});

test('an id is admitted once while away, and once with what was charged before and is asked after', async () => {
  const engine = await bench().open();
  expect(await word(engine, request('chat', { id: 'before', amount: 7 }))).toBe('ok');
  expect(await word(engine, request('chat', { id: 'other', amount: 100 }))).toBe('ok');
  const away = await stopped();
  const same = await Promise.all(Array.from({ length: 10 }, () => away.check(request('chat', { id: 'x', amount: 3 }))));
  const replayed = same.map((outcome) => outcome.status === 'decided' && outcome.decision.replayed);
  expect(replayed).toEqual([false, ...Array.from({ length: 9 }, () => true)]);
  expect(await word(away, request('chat', { id: 'x', amount: 4 }))).toBe('id_conflict');
  // Known to Redis alone: admitted here, and recognised when it is charged.
  expect(await word(away, request('chat', { id: 'before', amount: 7 }))).toBe('ok');
  // Used for something else before: the answer is out, so it is charged, and the id stays what it was.
  expect(await word(away, request('chat', { id: 'other', amount: 2 }))).toBe('ok');
  await resume(engine, away);
  expect(await usedOf(engine, 'c0', 'chat')).toBe(7 + 100 + 3 + 2);
  expect(await engine.check(request('chat', { id: 'x', amount: 3 }))).toMatchObject({ decision: { replayed: true } });
  expect(await engine.check(request('chat', { id: 'other', amount: 100 }))).toMatchObject({
    decision: { replayed: true },
  });
  expect(await usedOf(engine, 'c0', 'chat')).toBe(112);
  expect(away.outage?.settlement.charger).toMatchObject({ known: 1, charged: 2, withoutId: 1 });
});

test('a batch is decided item by item in order, an atomic one whole or not at all', async () => {
  const engine = await stopped();
  const some = (amount: number, more: Partial<CheckRequest> = {}) => request('some', { amount, ...more });
  const batch = await engine.checkMany([some(30), some(30), some(20), request('strict'), request('chat')], false);
  expect(batch.map(wordOf)).toEqual(['ok', 'unavailable', 'ok', 'unavailable', 'ok']);
  const customer = 'c1';
  const refused = await engine.checkMany([some(30, { customer }), some(20, { customer }), some(1, { customer })], true);
  expect(refused.map(wordOf)).toEqual(['batch_denied', 'batch_denied', 'unavailable']);
  const twice = [
    some(1, { customer, id: 'twice' }),
    some(1, { customer, id: 'twice' }),
    request('strict', { customer }),
  ];
  expect((await engine.checkMany(twice, true)).map(wordOf)).toEqual(['batch_denied', 'batch_denied', 'unavailable']);
  const admitted = await engine.checkMany(
    [some(30, { customer, id: 'a' }), some(20, { customer, id: 'b' }), some(20, { customer, id: 'b' })],
    true,
  );
  expect(admitted.map((each) => each.status === 'decided' && [each.decision.allowed, each.decision.replayed])).toEqual([
    [true, false],
    [true, false],
    [true, true],
  ]);
  await resume(engine);
  expect(await usedOf(engine, 'c0', 'some')).toBe(50);
  expect(await usedOf(engine, 'c1', 'some')).toBe(50);
  expect(await usedOf(engine, 'c0', 'chat')).toBe(1);
});

test('the breaker opens once, asks one question at a time, queues nothing, and closes when Redis answers', async () => {
  const engine = await stopped();
  const { counters } = engine.breakers;
  expect(counters.opened).toBe(1);
  const { calls } = engine.counters;
  const words = await Promise.all(Array.from({ length: 5_000 }, () => word(engine, request('strict'))));
  expect(new Set(words)).toEqual(new Set(['unavailable']));
  expect(engine.counters.calls).toBe(calls);
  expect(engine.depth).toBeLessThanOrEqual(2);
  expect(counters.refused).toBeGreaterThanOrEqual(5_000);
  // The one question waits for a Redis that is silent; no further one is put behind it.
  expect(counters.probes).toBe(1);
  await resume(engine);
  expect(engine.breakers.open).toBe(0);
  expect(await word(engine, request('strict'))).toBe('ok');
});

test('a spool past its bound refuses, and what it took is charged', async () => {
  const engine = await stopped({ outage: { folder: bench().folder, bytesMax: 20_000 } });
  const words = await Promise.all(Array.from({ length: 1_000 }, () => word(engine, request('chat'))));
  const admitted = words.filter((each) => each === 'ok').length;
  expect(words.filter((each) => each === 'store_unavailable')).toHaveLength(1_000 - admitted);
  expect(admitted).toBeGreaterThan(50);
  expect(admitted).toBeLessThan(300);
  await resume(engine);
  expect(await usedOf(engine, 'c0', 'chat')).toBe(admitted);
});

test('a crash between the charge and the forgetting charges once: the same spool is found again', async () => {
  const engine = await stopped();
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      Array.from({ length: 150 }, (_, index) =>
        engine.check(request('chat', { customer: CUSTOMERS[index % 4] ?? '' })),
      ),
    );
  }
  const [name = ''] = await bench().spools();
  const aside = join(bench().folder, 'aside');
  await copyFile(join(bench().folder, name), aside);
  await resume(engine);
  const before = await bench().facts();
  expect(before).toHaveLength(750);
  const back = join(bench().folder, name.replace(/\.[0-9a-f]+\./, '.00.'));
  await rename(aside, back);
  await utimes(back, 1, 1);
  await waitFor(async () => (await readdir(bench().folder)).length === 0, {
    timeoutMs: 10_000,
    what: 'the spool to be taken',
  });
  expect(engine.outage?.spool.counters.taken).toBe(1);
  expect(await bench().facts()).toHaveLength(750);
});

test('a spool is charged by the catalog in force: a feature that was taken away is a fact and charges no limit', async () => {
  const first = await stopped();
  expect(await word(first, request('chat', { amount: 5 }))).toBe('ok');
  expect(await word(first, request('chat', { customer: 'c1', amount: 6 }))).toBe('ok');
  await first.outage?.close();
  await bench().service.kill('SIGCONT');
  await waitFor(() => first.breakers.open === 0, { timeoutMs: 10_000, what: 'the breaker to close' });
  await bench().registry.putObject('plan', 'bare', { features: {} }, AUTHOR);
  await bench().registry.putObject('customer', 'c0', { plan: 'bare' }, AUTHOR);
  const second = await bench().open({ outage: { folder: bench().folder, bytesMax: 1_000, staleMs: 1 } });
  await bench().settled(second);
  const facts = await bench().facts();
  expect(
    facts.map(({ customer, feature, meter, amount, limits }) => [customer, feature, meter, amount, limits.length]),
  ).toEqual([
    ['c0', 'chat', 'tokens', 5, 0],
    ['c1', 'chat', 'tokens', 6, 1],
  ]);
});

test('a Redis that is full, or has lost its state, is away as well, until it decides again', async () => {
  const engine = await bench().open();
  await engine.usage('c0');
  const { redis } = bench();
  const decidesAgain = () =>
    waitFor(async () => (await word(engine, request('strict', { amount: 0 }))) === 'ok', {
      timeoutMs: 10_000,
      what: 'Redis to decide',
    });
  await redis.config('SET', 'maxmemory', '1');
  expect(await engine.check(request('chat', { amount: 2 }))).toMatchObject({
    decision: { allowed: true, degraded: true },
  });
  expect(await engine.check(request('strict'))).toMatchObject({ decision: { reason: 'unavailable', degraded: true } });
  await redis.config('SET', 'maxmemory', '0');
  await decidesAgain();

  const state = await redis.getBuffer('{s00}:state');
  await redis.del('{s00}:state');
  expect(await engine.check(request('chat', { amount: 3 }))).toMatchObject({
    decision: { allowed: true, degraded: true },
  });
  expect(await engine.ready()).toEqual({ ready: false, problems: ['redis: shard s00 is uninitialised'] });
  await redis.set('{s00}:state', state ?? '');
  await decidesAgain();
  await bench().settled(engine);
  expect(await usedOf(engine, 'c0', 'chat')).toBe(5);
});

test('two gateways that charge the same spool at once charge it once', async () => {
  const first = await stopped();
  const ask = (index: number) => first.check(request('chat', { id: index % 2 === 0 ? `id-${index}` : undefined }));
  for (let index = 0; index < 200; index++) await ask(index);
  const [name = ''] = await bench().spools();
  const twin = join(bench().folder, name.replace(/\.[0-9a-f]+\./, '.00.'));
  await copyFile(join(bench().folder, name), twin);
  await bench().service.kill('SIGCONT');
  const second = await bench().open();
  await utimes(twin, 1, 1);
  await bench().settled(first, second);
  expect(second.outage?.spool.counters.taken).toBe(1);
  expect(await usedOf(first, 'c0', 'chat')).toBe(200);
  expect(await bench().facts()).toHaveLength(200);
});

test('a spool waits while ids cannot be remembered, and is charged once they can', async () => {
  const engine = await stopped();
  expect(await word(engine, request('chat', { id: 'x', amount: 4 }))).toBe('ok');
  await bench().service.kill('SIGCONT');
  await bench().redis.set('{s00}:retention', '1000');
  const settlement = engine.outage?.settlement;
  await waitFor(() => (settlement?.counters.failures ?? 0) > 0 || settlement?.charger.charged === 1, {
    timeoutMs: 10_000,
    what: 'the spool to be tried',
  });
  await bench().redis.del('{s00}:retention');
  await bench().settled(engine);
  expect(await usedOf(engine, 'c0', 'chat')).toBe(4);
});
