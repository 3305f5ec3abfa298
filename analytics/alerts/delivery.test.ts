import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import type { Alert } from './alert.js';
import { BACKOFF, nextDelayMs } from './backoff.js';
import { attempted, newDelivery, restarted } from './delivery.js';
import { mailOf, slackBody, webhookBody } from './message.js';
import { post } from './post.js';
import { isPublic, literalAddress, publicLookup } from './private-network.js';
import { signedHeaders } from './signature.js';
import {
  newSecret,
  ROTATION_OVERLAP_MS,
  rotated,
  secretsAt,
  shownTarget,
  type Target,
  targetRequestSchema,
  wants,
} from './target.js';

const alert: Alert = {
  id: `al_${'0'.repeat(32)}`,
  at: '2026-11-24T12:00:00.000Z',
  kind: 'threshold_crossed',
  customer: 'a<b>&c',
  plan: 'pro',
  entity: null,
  feature: 'chat',
  limit: 'monthly',
  threshold: 80,
  used: 81,
  included: 100,
  window: { start: '2026-11-01T00:00:00.000Z', end: null },
};
const targetOf = (request: object, secrets: Target['secrets'] = []): Target => ({
  id: 'ops',
  destination: targetRequestSchema.parse(request),
  secrets,
  updatedAt: alert.at,
  updatedBy: 'test',
});
const webhook = (filter: object = {}, secrets?: Target['secrets']) =>
  targetOf({ kind: 'webhook', url: 'https://example.com/hook', filter }, secrets);

test('signatures are those that the Standard Webhooks library verifies, for each secret in force', () => {
  const [old, other] = [newSecret(), newSecret()];
  const body = webhookBody(alert);
  const headers = signedHeaders(alert.id, Date.now(), body, [old, other]);
  for (const secret of [old, other])
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({ data: { id: alert.id } });
  expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow();
  expect(() => new Webhook(old).verify(`${body} `, headers)).toThrow();
});

test('after a rotation both secrets sign until the overlap ends, then the new one alone', () => {
  const secret = newSecret();
  const { target, secret: made } = rotated(webhook({}, [{ secret, untilMs: null }]), 1_000);
  expect(secretsAt(target, 1_000)).toEqual([made, secret]);
  expect(secretsAt(target, 1_000 + ROTATION_OVERLAP_MS)).toEqual([made]);
  expect(JSON.stringify(shownTarget(target))).not.toContain('whsec_');
  // Whoever has not heard of the first rotation loses nothing by the second.
  const again = rotated(target, 2_000);
  expect(secretsAt(again.target, 2_000)).toEqual([again.secret, made, secret]);
  const third = rotated(again.target, 3_000);
  expect(() => rotated(third.target, 4_000)).toThrow('wait until an earlier rotation is over');
  expect(
    secretsAt(rotated(third.target, 1_000 + ROTATION_OVERLAP_MS).target, 1_000 + ROTATION_OVERLAP_MS),
  ).toHaveLength(4);
});

test('of a Slack URL, which is a secret, its host alone is shown', () => {
  const shown = shownTarget(targetOf({ kind: 'slack', url: 'https://hooks.slack.com/services/T/B/secret' }));
  expect(shown).toMatchObject({ kind: 'slack', url: 'https://hooks.slack.com/…' });
});

test('a filter lets through what every part of it names; tests go only where they are asked for', () => {
  expect(wants(webhook(), alert)).toBe(true);
  expect(wants(webhook({ kinds: ['threshold_crossed'], plans: ['pro'], features: ['chat'] }), alert)).toBe(true);
  expect(wants(webhook({ customers: ['other'] }), alert)).toBe(false);
  expect(wants(webhook({ plans: ['free'], customers: ['a<b>&c'] }), alert)).toBe(false);
  expect(wants(webhook(), { ...alert, kind: 'test' })).toBe(false);
});

test('attempts go on for a day, further and further apart, and never together', () => {
  const waits: number[] = [];
  let elapsed = 0;
  for (let attempts = 1; ; attempts++) {
    const delay = nextDelayMs(BACKOFF, attempts, elapsed, 0.5);
    if (delay === null) break;
    waits.push(delay);
    elapsed += delay;
  }
  expect(waits.slice(0, 4)).toEqual([5_000, 15_000, 45_000, 135_000]);
  expect(Math.max(...waits)).toBe(BACKOFF.longestMs);
  expect(waits.length).toBeGreaterThan(10);
  expect(elapsed).toBeLessThanOrEqual(BACKOFF.totalMs);
  expect([nextDelayMs(BACKOFF, 1, 0, 0), nextDelayMs(BACKOFF, 1, 0, 1)]).toEqual([4_000, 6_000]);
});

test('a receiver that is gone is not asked again', () => {
  const gone = { delivered: false, status: 410, ms: 3, error: 'status 410' };
  expect(attempted(newDelivery(alert, 'ops', 0), gone, BACKOFF, 1)).toMatchObject({ state: 'dead', nextMs: null });
});

test('a delivery that is put through again has another day, and keeps its id and its count', () => {
  const failed = { delivered: false, status: 500, ms: 3, error: 'status 500' };
  const fresh = newDelivery(alert, 'ops', 0);
  const dead = attempted(fresh, failed, BACKOFF, BACKOFF.totalMs);
  expect(dead).toMatchObject({ state: 'dead', attempts: 1, nextMs: null });
  const again = attempted(restarted(dead, BACKOFF.totalMs), failed, BACKOFF, BACKOFF.totalMs);
  expect(again).toMatchObject({ id: fresh.id, state: 'pending', attempts: 2, attemptsSince: 1 });
});

test('addresses that are not of the public internet are known in every spelling', () => {
  const ours = ['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'];
  const ours6 = ['::1', '::', 'fe80::1', 'fc00::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', 'ff02::1'];
  expect([...ours, ...ours6, 'no address'].filter(isPublic)).toEqual([]);
  expect(['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'].filter((each) => !isPublic(each))).toEqual([]);
  const spelled = ['http://2130706433/', 'http://0x7f.1/', 'http://[::ffff:7f00:1]/', 'http://127.1/'];
  for (const url of spelled) expect(isPublic(literalAddress(new URL(url)) ?? '')).toBe(false);
  expect(literalAddress(new URL('https://example.com'))).toBeUndefined();
});

test('a name that resolves to a private address is refused at the connection, and nothing reaches it', async () => {
  await expect(
    new Promise((resolve, reject) =>
      publicLookup('localhost', {}, (error, address) => (error ? reject(error) : resolve(address))),
    ),
  ).rejects.toThrow('private, loopback or link-local');
  let connections = 0;
  const server = createServer().on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const host of ['localhost', '127.0.0.1']) {
    const outcome = await post(`http://${host}:${port}/`, {}, '{}', { allowPrivate: false });
    expect(outcome).toMatchObject({ delivered: false, status: null, error: expect.stringContaining('private') });
  }
  expect(connections).toBe(0);
  await new Promise((resolve) => server.close(resolve));
});

test('Slack and mail say whose limit it is, in a text that is no markup', () => {
  expect(JSON.parse(slackBody(alert)).text).toContain('a&lt;b&gt;&amp;c: chat (monthly) has reached 80 %');
  expect(mailOf(alert).subject).toBe('a<b>&c: chat (monthly) has reached 80 % of what is included');
  expect(mailOf({ ...alert, entity: 'team', kind: 'cap_reached' }).subject).toContain('a<b>&c/team: chat');
});
