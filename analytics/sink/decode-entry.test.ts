import { expect, it } from 'vitest';
import { decodeEntry } from '../../engine/contract/fact.js';
import { buildEntry } from '../test-support/entry-builder.js';
import { Batch } from './batch.js';

const at = Date.UTC(2026, 10, 3, 12);
const identity = { epoch: 1, shard: 's00', outboxMs: at, outboxSeq: 0 };

const entry = buildEntry({
  chargedAtMs: at,
  version: 7,
  facts: [
    {
      customer: 'acme',
      feature: 'chat',
      meter: 'tokens',
      amount: 900,
      dimensions: { model: 'small', region: 'eu' },
      limits: [
        { id: 'monthly', included: 1_000, windowStartMs: Date.UTC(2026, 10, 1), after: 900 },
        { id: 'burst', included: 50, windowStartMs: null, after: 12 },
        { id: 'shadow', included: 5 },
      ],
    },
    { customer: 'zoë', feature: 'chat', meter: 'tokens', amount: 3, kind: 'void', source: 'sdk', id: 'e1' },
  ],
  denials: [{ customer: 'acme', feature: 'chat', meter: 'tokens', reason: 'limit_exceeded', amount: 200, count: 2 }],
});

it('an entry gives as many rows as the contract reads from it', () => {
  const decoded = decodeEntry(entry);
  expect(decoded.facts.length).toBe(2);
  const batch = new Batch();
  expect(batch.add({ ...identity, bytes: entry })).toBeUndefined();
  expect(batch.rows).toBe(3);
  expect(batch.blocks().map((block) => [block.table, block.rows])).toEqual([
    ['usage_facts', 2],
    ['denials', 1],
  ]);
});

it('an entry cut off anywhere, or with a byte too many, is refused and leaves no row behind', () => {
  for (let length = 0; length < entry.length; length++) {
    const batch = new Batch();
    batch.add({ ...identity, bytes: entry });
    const before = Buffer.concat(batch.blocks().flatMap((block) => block.pieces));
    expect(batch.add({ ...identity, bytes: entry.subarray(0, length) }), `cut at ${length}`).toBeTypeOf('string');
    expect(Buffer.concat(batch.blocks().flatMap((block) => block.pieces)).equals(before)).toBe(true);
  }
  expect(new Batch().add({ ...identity, bytes: Buffer.concat([entry, Buffer.from([0])]) })).toBeTypeOf('string');
});
