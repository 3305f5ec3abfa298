import { describe, expect, it } from 'vitest';
import { rowsOf } from '../test-support/text-file.js';
import { type MappingOptions, makeMapping } from './mapping.js';
import type { RowFormat } from './rows.js';

const DEFAULTS: MappingOptions = {
  to: 'events',
  type: undefined,
  time: undefined,
  timezone: 'UTC',
  map: [],
  set: [],
  customerColumn: undefined,
  entityColumn: undefined,
  idColumn: undefined,
  feature: undefined,
  amount: undefined,
  idPrefix: 'log.csv',
  draw: { customers: 1, exponent: 1, seed: 1 },
  customerPrefix: 'c',
};

async function mapped(content: string, options: Partial<MappingOptions>, format: RowFormat = 'csv') {
  const { columns, rows } = await rowsOf(content, format);
  const mapping = makeMapping(columns, format === 'csv', { ...DEFAULTS, ...options });
  return rows.map((row) => mapping.map(row));
}

const events = async (...args: Parameters<typeof mapped>) =>
  (await mapped(...args)).map((item) => ('code' in item ? item : item.event));

describe('rows as events', () => {
  it('of the Azure trace need no options', async () => {
    const log = 'TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n';
    expect(await events(log, {})).toEqual([
      {
        id: 'log.csv:1',
        source: 'weir-replay',
        type: 'llm.request',
        subject: 'c1',
        time: '2023-11-16T18:17:03.9799600Z',
        data: { contextTokens: 4808, generatedTokens: 10, totalTokens: 4818 },
      },
    ]);
  });

  it('of the Azure trace keep what is known of it beside what the caller maps', async () => {
    const log = 'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,1,2\n';
    const options = { map: [['totalTokens', 'GeneratedTokens']], set: [['model', 'code']] } as const;
    expect(await events(log, { ...options, type: 'llm.request' })).toMatchObject([
      { data: { totalTokens: 2, contextTokens: 1, generatedTokens: 2, model: 'code' } },
    ]);
    expect(await events(log, { ...options, type: 'other' })).toMatchObject([
      { data: { totalTokens: 2, model: 'code' } },
    ]);
  });

  it('take every column that has no other part when nothing is mapped', async () => {
    const log = 'at,who,team,key,bytes,model\n2023-11-16 10:00,acme,red,r1,12,007\n';
    const options = { type: 't', time: 'at', customerColumn: 'who', entityColumn: 'team', idColumn: 'key' };
    expect(await events(log, options)).toEqual([
      {
        id: 'r1',
        source: 'weir-replay',
        type: 't',
        subject: 'acme',
        entity: 'red',
        time: '2023-11-16T10:00:00Z',
        data: { bytes: 12, model: '007' },
      },
    ]);
  });

  it('map to paths, add columns exactly, and leave out empty cells', async () => {
    const log = 'a,b,c\n0.1,0.2,\n';
    const map = [
      ['usage.total', 'a + b'],
      ['usage.c', 'c'],
    ] as const;
    expect(await events(log, { type: 't', map })).toMatchObject([{ data: { usage: { total: '0.3' } } }]);
  });

  it('of JSON read nested values, and keep what is no text', async () => {
    const log = '{"ts":1700000000,"u":{"in":5,"out":2},"ok":true}\n{"u":{"in":1}}\n';
    const map = [
      ['total', 'u.in+u.out'],
      ['ok', 'ok'],
    ] as const;
    expect(await events(log, { type: 't', map }, 'ndjson')).toMatchObject([
      { time: '2023-11-14T22:13:20Z', data: { total: 7, ok: true } },
      { line: 2, code: 'invalid_time' },
    ]);
  });

  it('that cannot be read say why, by line, and the draw of the others does not move', async () => {
    const log =
      'time,who,n\n2023-11-16 10:00,acme,1\nyesterday,acme,2\n2023-11-16 10:00,,3\nx\n2023-11-16 10:00,acme,y\n';
    const bad = await events(log, { type: 't', customerColumn: 'who', map: [['n', 'n+n']] });
    expect(bad.slice(1)).toMatchObject([
      { line: 3, code: 'invalid_time', message: expect.stringContaining('"yesterday"') },
      { line: 4, code: 'invalid_customer' },
      { line: 5, code: 'unreadable_line' },
      { line: 6, code: 'invalid_value', message: expect.stringContaining('"y"') },
    ]);
  });
});

describe('rows as checks', () => {
  it('carry the amount as it is written, and the same id', async () => {
    const log = 'time,n\n2023-11-16 10:00,0.25\n2023-11-16 10:00,-1\n';
    const items = await mapped(log, { to: 'check', feature: 'chat', amount: 'n', set: [['region', 'eu']] });
    expect(items).toMatchObject([
      { check: { customer: 'c1', feature: 'chat', amount: '0.25', id: 'log.csv:1', dimensions: { region: 'eu' } } },
      { line: 3, code: 'invalid_value' },
    ]);
  });

  it('are of one unit where no column is named', async () => {
    expect(await mapped('a\n5\n', { to: 'check', feature: 'api' })).toMatchObject([{ check: { amount: 1 } }]);
  });
});

describe('a mapping', () => {
  it('refuses columns that the header lacks, with the nearest one', async () => {
    const log = 'Time,Size\n2023-11-16 10:00,1\n';
    const refusal = async (options: Partial<MappingOptions>) => mapped(log, { type: 't', ...options });
    await expect(refusal({ map: [['n', 'Sise']] })).rejects.toThrow('"Sise"; did you mean Size?');
    await expect(refusal({ time: 'time' })).rejects.toThrow('--time names the column "time"; did you mean Time?');
    await expect(refusal({ customerColumn: 'who' })).rejects.toThrow('the file has Time, Size');
    await expect(refusal({ map: [['n', 'Size+Bytes']] })).rejects.toThrow('"Bytes"');
  });

  it('needs the type of events that it does not know', async () => {
    await expect(mapped('a\n1\n', {})).rejects.toThrow('--type is needed');
  });
});
