import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { MESSAGE_BYTES_MAX } from '../../engine/contract/constants.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { buildEntry } from '../test-support/entry-builder.js';
import { numbers, type PlacedEntry, packMessage, publishFacts } from '../test-support/pipeline.js';
import { type System, startSystem } from '../test-support/system.js';
import { publishDeadLetter } from './dead-letter.js';

const rowSchema = z.object({
  ...{ id: z.number(), at: z.string(), reason: z.string(), origin: z.string() },
  ...{ shard: z.string(), epoch: z.string(), bytes: z.number(), preview: z.string() },
});

let system: System;
beforeAll(async () => {
  system = await startSystem({ meters: [{ id: 'tokens', eventType: 'llm', aggregation: 'sum', value: '$.tokens' }] });
});
afterAll(() => system.stop());

let places = 0;
/** An entry of some facts, in an outbox of its own. */
function entryOf(customer: string, facts: number, dimension = ''): PlacedEntry {
  const fact = { customer, feature: 'chat', meter: 'tokens', amount: 5, dimensions: { note: dimension } };
  const bytes = buildEntry({ chargedAtMs: Date.now(), facts: Array.from({ length: facts }, () => fact) });
  return { ms: Date.now(), seq: ++places, bytes };
}

/** Sets an entry aside as an earlier sink did that could not read it. */
const setAside = ({ ms, seq, bytes }: PlacedEntry): Promise<void> =>
  publishDeadLetter(system.nats.jetstream(), {
    bytes,
    reason: 'an earlier sink could not read it',
    origin: `1/s80/${ms}-${seq}`,
    shard: 's80',
    epoch: '1',
  });

async function list(query = '?limit=1000') {
  const { status, body } = await system.call('GET', `/v1/dead-letters${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return { ...body, rows: z.array(rowSchema).parse(body.rows) };
}
const newest = async (): Promise<number> => (await list()).rows.at(-1)?.id ?? 0;
const retry = async (id: number) => {
  const { status, body } = await system.call('POST', `/v1/dead-letters/${id}/retry`);
  return { status, body };
};

const booked = (customer: string) =>
  numbers(
    system.clickhouse,
    `SELECT count() AS rows, uniqExact(epoch, shard, outbox_ms, outbox_seq, idx) AS identities
     FROM usage_facts WHERE customer = '${customer}'`,
  );

it('what cannot be read is listed page by page with reason, origin, time, size and its beginning', async () => {
  const good = entryOf('beside', 1);
  const bad = { ms: good.ms, seq: ++places, bytes: Buffer.from('rubb\u0000sh') };
  await publishFacts(system.nats, 's81', packMessage([good, bad]));
  await publishFacts(system.nats, 's81', Buffer.from('not even entries'));
  await waitFor(async () => (await list()).rows.length === 2, { timeoutMs: 20_000, what: 'two dead letters' });
  const { rows } = await list();
  expect(rows).toMatchObject([
    {
      shard: 's81',
      epoch: '1',
      bytes: 7,
      preview: 'rubb.sh',
      origin: expect.stringContaining(`/s81/${bad.ms}-${bad.seq}`),
    },
    { shard: 's81', bytes: 16, preview: 'not even entries', origin: expect.stringMatching(/^\d+$/) },
  ]);
  for (const { reason, at } of rows) {
    expect(reason).toMatch(/\w/);
    expect(Date.parse(at)).toBeGreaterThan(Date.now() - 60_000);
  }
  const first = await list('?limit=1');
  expect(first.rows).toHaveLength(1);
  const second = await list(`?limit=1&cursor=${String(Object(first).nextCursor)}`);
  expect(second.rows.map(({ id }) => id)).toEqual([rows[1]?.id]);
  expect(await system.metrics()).toMatch(/^weir_dead_letters 2$/m);
});

it('what still cannot be read stays, with the reason', async () => {
  const { rows } = await list();
  for (const { id } of rows) {
    const { status, body } = await retry(id);
    expect({ status, body }).toMatchObject({ status: 200, body: { id, status: 'unreadable' } });
    expect(body.reason).toMatch(/\w/);
  }
  expect((await list()).rows).toEqual(rows);
  expect(await system.metrics()).toMatch(/^weir_sink_dead_letters_retried_total\{outcome="unreadable"\} 2$/m);
});

it('what can be read now is booked once however often it is put through, and then is gone', async () => {
  const entry = entryOf('again', 3);
  await setAside(entry);
  const id = await newest();
  const answers = await Promise.all([retry(id), retry(id), retry(id)]);
  const rows = answers.flatMap(({ body }) => (body.status === 'booked' ? [Number(body.rows)] : []));
  expect(rows.reduce((sum, each) => sum + each, 0)).toBe(3);
  for (const { status } of answers) expect([200, 404]).toContain(status);
  expect(await booked('again')).toEqual({ rows: 3, identities: 3 });
  expect(await retry(id)).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
  // Its removal was lost: JetStream's duplicate window hides the same id, so it has another origin's sequence.
  const { ms, seq, bytes } = entry;
  const letter = { bytes, reason: 'again', shard: 's80', epoch: '1' };
  await publishDeadLetter(system.nats.jetstream(), { ...letter, origin: `2/s80/${ms}-${seq}` });
  expect(await retry(await newest())).toMatchObject({ status: 200, body: { status: 'booked', rows: 0 } });
  expect(await booked('again')).toEqual({ rows: 3, identities: 3 });
});

it('an entry that JetStream sends while it is put through again, or after that, is booked once', async () => {
  for (let turn = 0; turn < 4; turn++) {
    const customer = `both-${turn}`;
    const entry = entryOf(customer, 4);
    await setAside(entry);
    const id = await newest();
    const send = () => publishFacts(system.nats, 's80', packMessage([entry]));
    const sent = turn % 2 === 0 ? send() : undefined;
    expect(await retry(id)).toMatchObject({ body: { status: 'booked' } });
    await (sent ?? send());
    // What comes after it in the stream is booked when it is: then nothing of it is under way.
    const after = entryOf(`after-${turn}`, 1);
    await publishFacts(system.nats, 's80', packMessage([after]));
    await waitFor(async () => (await booked(`after-${turn}`)).rows === 1, {
      timeoutMs: 20_000,
      what: 'the next entry',
    });
    expect(await booked(customer)).toEqual({ rows: 4, identities: 4 });
  }
});

it('a whole message, and a letter that lies in several, are put through as well', async () => {
  const message = packMessage([entryOf('message', 2), entryOf('message', 1)]);
  const whole = { reason: 'an earlier sink could not read it', origin: '77', shard: 's80', epoch: '1' };
  await publishDeadLetter(system.nats.jetstream(), { bytes: message, ...whole });
  expect(await retry(await newest())).toMatchObject({ body: { status: 'booked', rows: 3 } });
  const large = entryOf('large', 4_000, 'x'.repeat(200));
  expect(large.bytes.length).toBeGreaterThan(MESSAGE_BYTES_MAX);
  await setAside(large);
  const [row] = (await list()).rows.slice(-1);
  expect(row).toMatchObject({ bytes: large.bytes.length });
  expect(await retry(row?.id ?? 0)).toMatchObject({ body: { status: 'booked', rows: 4_000 } });
  expect(await booked('large')).toEqual({ rows: 4_000, identities: 4_000 });
  expect((await list()).rows.map(({ origin }) => origin)).not.toContain(row?.origin);
});

it('an id that is none is not found', async () => {
  for (const id of ['0', 'first', '999999']) {
    expect(await system.call('POST', `/v1/dead-letters/${id}/retry`)).toMatchObject({ status: 404 });
  }
});
