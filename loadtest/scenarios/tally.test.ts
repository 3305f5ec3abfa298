import { describe, expect, it } from 'vitest';
import { Tally } from './tally.js';

const alice = { customer: 'alice', amount: 2 };
const bob = { customer: 'bob', amount: 3 };
const error = (code: string) => JSON.stringify({ error: { code, message: 'no', docs: '' } });
const decided = (allowed: boolean, reason: string) => ({ allowed, reason });

describe('Tally', () => {
  it('adds up what each customer was told is admitted, and denials by reason', () => {
    const tally = new Tally();
    tally.check(alice, 200, '{"allowed":true,"reason":"ok"}');
    tally.check(alice, 200, '{"allowed":true,"reason":"overage"}');
    tally.check(bob, 200, '{"allowed":false,"reason":"limit_exceeded"}');
    expect(tally.result()).toMatchObject({
      admitted: { alice: 4 },
      charged: 2,
      denied: { limit_exceeded: 1 },
      refused: 0,
      unknownAmount: 0,
    });
  });

  it('takes a batch whole when all of it was admitted, else item by item', () => {
    const tally = new Tally();
    const both = [alice, bob];
    const all = JSON.stringify({ results: [decided(true, 'ok'), decided(true, 'ok')] });
    tally.batch(both, 200, all);
    tally.batch(both, 200, all);
    tally.batch(both, 200, JSON.stringify({ results: [decided(false, 'limit_exceeded'), decided(true, 'ok')] }));
    tally.batch(both, 200, JSON.stringify({ results: [JSON.parse(error('unknown_customer')), decided(true, 'ok')] }));
    expect(tally.result()).toMatchObject({
      admitted: { alice: 4, bob: 12 },
      charged: 6,
      denied: { limit_exceeded: 1 },
      refused: 1,
    });
  });

  it('knows which events were refused, and does not guess which of them were duplicates', () => {
    const tally = new Tally();
    tally.events([alice, bob], 202, JSON.stringify({ accepted: 2, duplicates: 0, rejected: [] }));
    tally.events([alice, bob], 202, JSON.stringify({ accepted: 1, duplicates: 0, rejected: [{ index: 0 }] }));
    tally.events([alice, bob], 202, JSON.stringify({ accepted: 1, duplicates: 1, rejected: [] }));
    expect(tally.result()).toMatchObject({ admitted: { alice: 2, bob: 6 }, charged: 3, refused: 1, unknownAmount: 5 });
  });

  it('counts an amount as unknown exactly where an answer leaves it open', () => {
    const tally = new Tally();
    tally.check(alice, 503, error('store_unavailable'));
    tally.check(alice, 404, error('unknown_customer'));
    expect(tally.result()).toMatchObject({ refused: 2, unknownAmount: 0 });
    tally.check(alice, 503, error('outcome_unknown'));
    tally.check(alice, 500, error('internal'));
    tally.batch([alice, bob], 503, error('store_unavailable'));
    tally.unanswered(300);
    expect(tally.result()).toMatchObject({ refused: 2, unknownAmount: 2 + 2 + 5 + 300 });
    expect(tally.result().oddAnswers).toHaveLength(5);
    // The request that was never answered is none of them.
    expect(tally.undecided).toBe(5);
  });
});
