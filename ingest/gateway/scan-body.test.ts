import { describe, expect, it } from 'vitest';
import type { ZodType } from 'zod';
import {
  checkBatchRequestSchema,
  checkRequestSchema,
  commitRequestSchema,
  reserveRequestSchema,
} from '../../engine/index.js';
import { scanCheck as scanBytes, scanChecks, scanCommit, scanReserve } from './scan-body.js';

const scanCheck = (text: string): ReturnType<typeof scanBytes> => scanBytes(Buffer.from(text));

/** What JSON.parse and the schema make of a text; undefined when they refuse it. */
function parsed(text: string, schema: ZodType = checkRequestSchema): unknown {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A small generator with a seed, so that a failure can be run again. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Changes usual bodies at random; whatever the quick way reads, the schema reads the same. @returns how many it read. */
function takenOfChanged(scan: (bytes: Buffer) => unknown, schema: ZodType): number {
  const seed = 20_261_124;
  const random = generator(seed);
  const bodies = [
    '{"customer":"acme","feature":"chat","amount":900,"id":"r-1"}',
    '{"feature":"f","customer":"c","entity":"e"}',
    '{"customer": "a", "feature": "b", "amount": 10}',
    '{"customer":"a","amount":10}',
    '{"customer":"a","feature":"f","amount":1,"ttlMs":86400000}',
  ];
  const pieces = [
    '"',
    '{',
    '}',
    ',',
    ':',
    '\\',
    ' ',
    '0',
    '9',
    '-',
    '.',
    'e',
    'é',
    '\n',
    '"id":"x"',
    '"amount":1',
    ',"id":"y"',
    '"ttlMs":0',
  ];
  let taken = 0;
  for (let round = 0; round < 60_000; round++) {
    let text = bodies[random(bodies.length)] ?? '';
    for (let edits = random(3); edits >= 0; edits--) {
      const at = random(text.length + 1);
      const cut = random(3);
      const insert = random(2) === 0 ? '' : (pieces[random(pieces.length)] ?? '');
      text = text.slice(0, at) + insert + text.slice(at + cut);
    }
    const quick = scan(Buffer.from(text));
    if (quick === undefined) continue;
    taken += 1;
    expect(quick, `seed ${seed}, round ${round}: ${text}`).toEqual(parsed(text, schema));
  }
  return taken;
}

describe('the quick reading of a body', () => {
  it('takes the usual bodies', () => {
    for (const text of [
      '{"customer":"acme","feature":"chat"}',
      '{"customer":"acme","feature":"chat","amount":900}',
      '{"customer": "acme", "feature": "chat", "amount": 900}',
      '{"feature":"chat","amount":0,"customer":"a b","id":"r-1","entity":"team/7"}',
      `{"customer":"${'c'.repeat(256)}","feature":"f","amount":999999999999999}`,
    ]) {
      expect(scanCheck(text), text).toBeDefined();
      expect(scanCheck(text)).toEqual(parsed(text));
    }
  });

  it('leaves everything else to the schema', () => {
    for (const text of [
      '',
      '{',
      '{}',
      '[]',
      '{"customer":"acme"}',
      '{"customer":"acme","feature":"chat",}',
      '{"customer":"acme","feature":"chat"},',
      '{"customer":"acme","feature":"chat"}}',
      '{"customer":"acme","feature":""}',
      '{"customer":"acme","feature":"chat","feature":"x"}',
      '{"customer":"acme","feature":"chat","amount":1,"amount":2}',
      '{"customer":"acme","feature":"chat","amount":-1}',
      '{"customer":"acme","feature":"chat","amount":01}',
      '{"customer":"acme","feature":"chat","amount":1.5}',
      '{"customer":"acme","feature":"chat","amount":1e3}',
      '{"customer":"acme","feature":"chat","amount":1000000000000000}',
      '{"customer":"acme","feature":"chat","amount":"5"}',
      '{"customer":"acme","feature":"chat","dryRun":true}',
      '{"customer":"acme","feature":"chat","fetaure":"x"}',
      '{"customer":"acme","feature":"chat","__proto__":"x"}',
      '{"customer":"ac\\u006de","feature":"chat"}',
      '{"customer":"acmé","feature":"chat"}',
      '{"customer":"a\u0000b","feature":"chat"}',
      `{"customer":"${'c'.repeat(257)}","feature":"f"}`,
      '{"customer":  "acme","feature":"chat"}',
      ' {"customer":"acme","feature":"chat"}',
      '{"customer":"acme" "feature":"chat"}',
      '{"customer":5,"feature":"chat"}',
    ]) {
      expect(scanCheck(text), text).toBeUndefined();
    }
  });

  it('never answers otherwise than the schema, whatever is changed in a body', () => {
    expect(takenOfChanged(scanBytes, checkRequestSchema)).toBeGreaterThan(1_000);
    expect(takenOfChanged(scanReserve, reserveRequestSchema)).toBeGreaterThan(1_000);
    expect(takenOfChanged(scanCommit, commitRequestSchema)).toBeGreaterThan(1_000);
  });

  it('takes the usual reservations and commits', () => {
    for (const text of [
      '{"customer":"acme","feature":"chat","amount":900}',
      '{"id":"r","customer":"acme","feature":"chat","amount":0,"ttlMs":1,"entity":"e"}',
      '{"customer": "acme", "feature": "chat", "amount": 9, "ttlMs": 86400000}',
    ]) {
      expect(scanReserve(Buffer.from(text)), text).toEqual(parsed(text, reserveRequestSchema));
    }
    const commit = '{"customer":"acme","amount":7}';
    expect(scanCommit(Buffer.from(commit))).toEqual(parsed(commit, commitRequestSchema));
  });

  it('takes the usual batches, and leaves everything else to the schema', () => {
    const one = '{"customer":"acme","feature":"chat","amount":2}';
    const other = '{"customer":"globex","feature":"images"}';
    for (const text of [
      `{"checks":[${one}]}`,
      `{"checks":[${one},${other},${one}]}`,
      `{"checks": [${one}, ${other}]}`,
    ]) {
      const scanned = scanChecks(Buffer.from(text), 3);
      expect(scanned, text).toBeDefined();
      expect(scanned).toEqual(checkBatchRequestSchema.parse(JSON.parse(text)).checks);
    }
    for (const text of [
      '{"checks":[]}',
      `{"checks":[${one},${one},${one},${one}]}`,
      `{"checks":[${one}],"atomic":true}`,
      `{"checks":[${one},]}`,
      `{"checks":[${one}${one}]}`,
      `{"checks":[${one}]} `,
      `{"checks":${one}}`,
      `{"checks":[${one},{"customer":"x"}]}`,
      `[${one}]`,
      '{"checks":[',
      '{"checks":',
      '',
    ]) {
      expect(scanChecks(Buffer.from(text), 3), text).toBeUndefined();
    }
  });
});
