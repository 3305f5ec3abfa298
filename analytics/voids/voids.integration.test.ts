import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { VOID_ACTOR, VOID_CHARGE, VOID_REASON } from '../../engine/index.js';
import { parseOutboxId } from '../../engine/store/outbox.js';
import { Batch } from '../sink/batch.js';
import { Inserter } from '../sink/insert.js';
import { type ControlPlane, startControlPlane } from '../test-support/control-plane.js';
import type { TestEntry } from '../test-support/entry-builder.js';
import { fill } from '../test-support/ledger.js';

/** From an event to its correction, by the control plane's wire; the outbox is brought to ClickHouse by the sink's own code. */
const CATALOG = `
meters:
  - id: tokens
    eventType: llm
    aggregation: sum
    value: $.tokens
    scale: 2
    dimensions: { model: $.model }
  - { id: requests, eventType: llm, aggregation: count }
  - { id: largest, eventType: llm, aggregation: max, value: $.tokens }
  - { id: newest, eventType: llm, aggregation: latest, value: $.tokens }
  - { id: typical, eventType: llm, aggregation: average, value: $.tokens }
  - { id: models, eventType: llm, aggregation: unique, value: $.model }
features:
  - { id: chat, kind: metered, meter: tokens }
plans:
  - id: pro
    features:
      chat:
        limits:
          - { id: monthly, kind: quota, amount: 100000, window: { every: month }, overage: allow }
          - { id: burst, kind: bucket, capacity: 50000, refill: { amount: 1, everyMs: 1000000 } }
customers:
  - { id: acme, plan: pro }
  - { id: other, plan: pro }
`;

let plane: ControlPlane;
let ingestKey: string;
let readKey: string;
const call: ControlPlane['call'] = (...request) => plane.call(...request);
const keySchema = z.object({ key: z.string() });

beforeAll(async () => {
  plane = await startControlPlane(CATALOG, { ledgerWaitMs: 300 });
  const made = (id: string, body: object) => call('PUT', `/v1/keys/${id}`, body);
  ingestKey = keySchema.parse((await made('importer', { scopes: ['ingest'], customer: 'acme' })).body).key;
  readKey = keySchema.parse((await made('reader', { scopes: ['read'] })).body).key;
});
afterAll(() => plane.stop());

/** What relay and sink do, for all that is in the outbox. */
async function deliver(): Promise<void> {
  const { redis, clickhouse, engine } = plane;
  const { epoch = 0, shard = '' } = (await engine.ledgerEnd('acme')) ?? {};
  const batch = new Batch();
  for (const [id, fields] of await redis.xrangeBuffer('{s00}:outbox', '-', '+')) {
    const { ms: outboxMs, seq: outboxSeq } = parseOutboxId(id.toString());
    expect(batch.add({ epoch, shard, outboxMs, outboxSeq, bytes: fields[1] ?? Buffer.alloc(0) })).toBeUndefined();
  }
  const inserter = new Inserter({ clickhouse, log: { warn: () => undefined } });
  await inserter.takeOver();
  expect(await inserter.insert(batch, () => true)).toBe(true);
  await redis.xtrim('{s00}:outbox', 'MAXLEN', 0);
}

async function send(id: string, tokens: number, model: string): Promise<void> {
  const event = { customer: 'acme', source: 'sdk', id, type: 'llm', data: { tokens, model } };
  expect(await plane.engine.record([event])).toEqual([{ status: 'accepted', degraded: false }]);
}
const voidEvent = (id: string, more: object = {}, key?: string) =>
  call('POST', '/v1/events/void', { customer: 'acme', source: 'sdk', id, reason: 'sent twice', ...more }, key);
const counter = async () => (await plane.engine.usage('acme')).features.chat?.limits;
const month = new Date().toISOString().slice(0, 7);

async function value(meter: string, groupBy = ''): Promise<Record<string, unknown>> {
  const path = `/v1/usage?meter=${meter}&customer=acme&granularity=month${groupBy === '' ? '' : `&groupBy=${groupBy}`}`;
  const { body } = await call('GET', path);
  const { rows } = z.object({ rows: z.array(z.record(z.string(), z.unknown())) }).parse(body);
  // The range may begin in the month before.
  const now = rows.filter(({ value: shown }) => shown !== 0 && shown !== '0' && shown !== null);
  return Object.fromEntries(now.map((row) => [String(row[groupBy] ?? 'all'), row.value]));
}

async function utilization(): Promise<unknown> {
  const { body } = await call('GET', `/v1/reports/utilization?period=${month}&customer=acme`);
  return z.object({ rows: z.array(z.unknown()) }).parse(body).rows[0];
}

it('an event taken back counts out everywhere: counter, ledger, usage by every aggregation, utilization', async () => {
  await send('e1', 12, 'small');
  await send('e2', 700, 'large');
  await deliver();
  expect(await value('tokens', 'model')).toEqual({ small: '12', large: '700' });
  expect(await value('largest')).toEqual({ all: 700 });

  const answer = await voidEvent('e2');
  expect(answer).toMatchObject({
    status: 200,
    body: {
      customer: 'acme',
      source: 'sdk',
      id: 'e2',
      reason: 'sent twice',
      actor: 'admin',
      replayed: false,
      facts: expect.arrayContaining([
        {
          feature: 'chat',
          meter: 'tokens',
          amount: '-700',
          happenedAt: expect.any(String),
          chargedAt: expect.any(String),
          limits: {
            monthly: { windowStart: `${month}-01T00:00:00.000Z`, used: '12' },
            burst: { remaining: '488' },
          },
        },
        expect.objectContaining({ meter: 'requests', amount: -1, limits: {} }),
      ]),
    },
  });
  expect(await counter()).toMatchObject({ monthly: { used: 1_200 }, burst: { remaining: 48_800 } });
  await deliver();
  expect(await value('tokens')).toEqual({ all: '12' });
  expect(await value('tokens', 'model')).toEqual({ small: '12' });
  expect(await value('requests')).toEqual({ all: 1 });
  expect(await value('largest')).toEqual({ all: 12 });
  expect(await value('newest')).toEqual({ all: 12 });
  expect(await value('typical')).toEqual({ all: 12 });
  expect(await value('models')).toEqual({ all: 1 });
  expect(await utilization()).toMatchObject({ feature: 'chat', used: '12', included: '1000', overage: '0' });

  const [sums] = await plane.clickhouse.query(
    `SELECT sum(amount) AS used, countIf(kind = 'void') AS voids,
        groupUniqArrayIf(dimensions['${VOID_REASON}'], kind = 'void') AS reasons,
        groupUniqArrayIf(dimensions['${VOID_ACTOR}'], kind = 'void') AS actors
    FROM usage_facts WHERE customer = 'acme' AND feature = 'chat'`,
    {},
    z.object({ used: z.coerce.number(), voids: z.coerce.number(), reasons: z.unknown(), actors: z.unknown() }),
  );
  expect(sums).toEqual({ used: 1_200, voids: 1, reasons: ['sent twice'], actors: ['admin'] });
});

it('the same void again gets the first answer: at once, from the ledger, and after its id was forgotten', async () => {
  await send('twice', 3, 'small');
  await deliver();
  const racing = await Promise.all([voidEvent('twice'), voidEvent('twice', { reason: 'me too' }), voidEvent('twice')]);
  const first = racing.find(({ body }) => body.replayed === false);
  expect(racing.map(({ body }) => body.replayed).sort()).toEqual([false, true, true]);
  await deliver();
  const again = await voidEvent('twice', { reason: 'another reason' });
  const ids = await plane.redis.keys('{s00}:ids:*');
  await plane.redis.del(...ids);
  const forgotten = await voidEvent('twice');
  for (const { status, body } of [...racing, again, forgotten]) {
    expect(status).toBe(200);
    expect({ ...body, replayed: false }).toEqual(first?.body);
  }
  expect(forgotten.body.replayed).toBe(true);
  expect(await counter()).toMatchObject({ monthly: { used: 1_200 } });
  await deliver();
  const [{ voids } = { voids: 0 }] = await plane.clickhouse.query(
    "SELECT count() AS voids FROM usage_facts WHERE kind = 'void' AND id = 'twice' AND meter = 'tokens'",
    {},
    z.object({ voids: z.coerce.number() }),
  );
  expect(voids).toBe(1);
});

it('an event that was charged again after its id was forgotten is taken back as often as it was charged', async () => {
  await send('again', 5, 'small');
  await plane.redis.del(...(await plane.redis.keys('{s00}:ids:*')));
  await send('again', 5, 'small');
  await deliver();
  const { body } = await voidEvent('again');
  expect(body.facts).toHaveLength(12);
  expect(await counter()).toMatchObject({ monthly: { used: 1_200 } });
  await deliver();
  expect(await voidEvent('again')).toMatchObject({ body: { ...body, replayed: true } });
  expect(await value('largest')).toEqual({ all: 12 });
  const [charges] = await plane.clickhouse.query(
    `SELECT uniqExact(dimensions['${VOID_CHARGE}']) AS places FROM usage_facts WHERE kind = 'void' AND id = 'again'`,
    {},
    z.object({ places: z.coerce.number() }),
  );
  expect(charges?.places).toBe(2);
});

it('an event is called unknown only by a ledger that has all that was charged', async () => {
  expect(await voidEvent('never')).toMatchObject({ status: 404, body: { error: { code: 'unknown_event' } } });
  await send('fresh', 1, 'small');
  const early = await voidEvent('fresh');
  expect(early).toMatchObject({ status: 503, body: { error: { code: 'ledger_behind' } } });
  expect(early.headers.get('retry-after')).not.toBeNull();
  await deliver();
  expect(await voidEvent('fresh', { source: 'other' })).toMatchObject({ status: 404 });
  expect(await voidEvent('fresh', { customer: 'other' })).toMatchObject({ status: 404 });
  expect(await voidEvent('fresh')).toMatchObject({ status: 200 });
  await deliver();
});

it('only events can be taken back, and denials stand where they stood', async () => {
  await plane.engine.check({ customer: 'acme', feature: 'chat', amount: 1, id: 'a-check', dryRun: false });
  await plane.engine.check({ customer: 'acme', feature: 'chat', amount: '499.99', dryRun: false });
  await deliver();
  expect(await voidEvent('a-check', { source: 'check' })).toMatchObject({ status: 404 });
  const { body } = await call('GET', '/v1/reports/denials?customer=acme');
  expect(body.rows).toMatchObject([{ feature: 'chat', count: 1 }]);
});

it('a window that is over for long is right in its reports, with what it included at last', async () => {
  const now = new Date();
  const windowStartMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 3, 1);
  const use = (day: number, id: string, amount: number, after: number, included: number): TestEntry => {
    const chargedAtMs = windowStartMs + day * 86_400_000;
    const fact = { customer: 'other', source: 'sdk', feature: 'chat', meter: 'tokens', kind: 'record' as const };
    return {
      chargedAtMs,
      facts: [{ ...fact, id, amount, limits: [{ id: 'monthly', included, windowStartMs, after }] }],
    };
  };
  await fill(plane.clickhouse, [use(1, 'old', 50_000, 50_000, 40_000), use(5, 'new', 90_000, 140_000, 100_000)]);
  const period = new Date(windowStartMs).toISOString().slice(0, 7);
  const report = async () => {
    const { body } = await call('GET', `/v1/reports/utilization?period=${period}&customer=other`);
    return z.object({ rows: z.array(z.unknown()) }).parse(body).rows;
  };
  expect(await report()).toMatchObject([{ used: '1400', included: '1000', overage: '400' }]);
  const { body } = await voidEvent('old', { customer: 'other' });
  expect(body.facts).toMatchObject([{ amount: '-500', limits: { monthly: { used: null } } }]);
  await deliver();
  expect(await report()).toMatchObject([{ used: '900', included: '1000', overage: '0', utilizationPercent: 90 }]);
  expect(await voidEvent('old', { customer: 'other' })).toMatchObject({ body: { ...body, replayed: true } });
});

it('a key may take back what it may send: the scope ingest, and its own customer', async () => {
  await send('by-key', 1, 'small');
  await deliver();
  expect(await voidEvent('by-key', {}, readKey)).toMatchObject({ status: 403 });
  expect(await voidEvent('by-key', { customer: 'other' }, ingestKey)).toMatchObject({ status: 403 });
  expect(await voidEvent('by-key', {}, ingestKey)).toMatchObject({ status: 200, body: { actor: 'importer' } });
  await deliver();
});

it('what is not a void is refused by name', async () => {
  const cases = [
    [{ reason: '' }, 'reason'],
    [{ reason: 'x'.repeat(257) }, 'reason'],
    [{ reason: 'a\nb' }, 'reason'],
    [{ amount: 3 }, 'amount'],
    [{ id: '' }, 'id'],
  ] as const;
  for (const [body, field] of cases)
    expect(await voidEvent('e1', body)).toMatchObject({ status: 400, body: { error: { field } } });
});
