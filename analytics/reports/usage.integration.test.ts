import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogSchema, type Meter } from '../../engine/index.js';
import type { TestFact } from '../test-support/entry-builder.js';
import { Ledger, reportCatalog } from '../test-support/ledger.js';
import { parseFilter, type UsageRequest, usageOverTime } from './usage.js';

/** Usage over time held against a computation from the list of facts, by Intl's calendar. */

const dimensions = { model: '$.model', region: '$.region' };
const AGGREGATIONS = ['sum', 'count', 'max', 'unique', 'latest', 'average'] as const;
const meters = AGGREGATIONS.map((aggregation) => ({
  id: aggregation,
  eventType: 'call',
  aggregation,
  ...(aggregation === 'count' ? {} : { value: '$.n' }),
  dimensions,
}));
const catalog = reportCatalog(catalogSchema.parse({ meters, customers: [{ id: 'acme', plan: 'none' }] }));

interface Event {
  readonly customer: string;
  readonly atMs: number;
  readonly chargedAtMs: number;
  readonly amount: number;
  readonly model: string;
  readonly region: string;
  /** When it was taken back. */
  readonly voidedAtMs: number | undefined;
}

/** Berlin's clocks go back on 2026-10-25 and forward on 2026-03-29; Lord Howe's by half an hour, on 2026-04-05 and 2026-10-04. */
const FROM = Date.UTC(2026, 2, 20);
const TO = Date.UTC(2026, 10, 10);

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const seed = Date.now() % 1_000_000;
const pick = random(seed);
/** Around the hours at which clocks change, and all over the time. */
const around = [
  Date.UTC(2026, 2, 29, 1),
  Date.UTC(2026, 9, 25, 1),
  Date.UTC(2026, 3, 4, 15),
  Date.UTC(2026, 9, 3, 15, 30),
];
const events: Event[] = Array.from({ length: 1_500 }, (_, index) => {
  const centre = around[index % 8];
  const atMs =
    centre === undefined ? FROM + pick((TO - FROM) / 1_000) * 1_000 : centre - 43_200_000 + pick(86_400) * 1_000;
  return {
    customer: ['acme', 'bolt', 'core'][pick(3)] ?? '',
    atMs,
    // Each charged at an instant of its own, so that the latest is one.
    chargedAtMs: Math.min(TO, atMs + pick(5_000)) + index,
    amount: pick(1_000),
    model: ['small', 'large', ''][pick(3)] ?? '',
    region: ['eu', 'us'][pick(2)] ?? '',
    voidedAtMs: pick(10) === 0 ? TO + index : undefined,
  };
});

let ledger: Ledger;

beforeAll(async () => {
  ledger = await Ledger.open();
  const factsOf = (event: Event, index: number, isVoid: boolean): TestFact[] =>
    AGGREGATIONS.map((meter) => ({
      customer: event.customer,
      feature: '',
      meter,
      amount: meter === 'count' || meter === 'unique' ? 1 : event.amount,
      kind: isVoid ? 'void' : 'record',
      happenedAtMs: event.atMs,
      source: 'test',
      id: String(index),
      dimensions: {
        ...(event.model === '' ? {} : { model: event.model }),
        region: event.region,
        'unique:unique': String(event.amount % 50),
        ...(isVoid ? { 'void:charge': `1:s00:1-${index}` } : {}),
      },
    }));
  // Places in the outbox are counted by entry: the charges come first, each in its own.
  await ledger.write(
    events.map((event, index) => ({ chargedAtMs: event.chargedAtMs, facts: factsOf(event, index, false) })),
  );
  await ledger.write(
    events.flatMap((event, index) =>
      event.voidedAtMs === undefined ? [] : [{ chargedAtMs: event.voidedAtMs, facts: factsOf(event, index, true) }],
    ),
  );
});

afterAll(() => ledger.close());

const formats = new Map<string, Intl.DateTimeFormat>();

/** The local date, `2026-10-25`. */
function dateOf(atMs: number, timezone: string): string {
  const format = formats.get(timezone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone: timezone });
  formats.set(timezone, format);
  return format.format(atMs);
}

const midnights = new Map<string, number>();

/** The first instant that has a local date, found by trying. */
function midnightOf(date: string, timezone: string): number {
  const key = `${date} ${timezone}`;
  let at = midnights.get(key) ?? Date.parse(date) - 15 * 3_600_000;
  while (dateOf(at, timezone) < date) at += 15 * 60_000;
  midnights.set(key, at);
  return at;
}

/** When the local period that contains an instant begins. */
function startOf(atMs: number, granularity: UsageRequest['granularity'], timezone: string): number {
  const date = dateOf(atMs, timezone);
  if (granularity === 'month') return midnightOf(`${date.slice(0, 7)}-01`, timezone);
  const day = midnightOf(date, timezone);
  return granularity === 'day' ? day : day + Math.floor((atMs - day) / 3_600_000) * 3_600_000;
}

function expectedValue(aggregation: Meter['aggregation'], group: readonly Event[]): number {
  const amounts = group.map(({ amount }) => amount);
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  switch (aggregation) {
    case 'sum':
      return sum;
    case 'count':
      return group.length;
    case 'max':
      return Math.max(...amounts);
    case 'unique':
      return new Set(amounts.map((amount) => amount % 50)).size;
    case 'latest': {
      const [last] = [...group].sort((left, right) => right.atMs - left.atMs || right.chargedAtMs - left.chargedAtMs);
      return last?.amount ?? 0;
    }
    case 'average':
      return sum / group.length;
  }
}

type Question = Pick<UsageRequest, 'granularity' | 'timezone' | 'groupBy'> & {
  readonly filter: Readonly<Record<string, string | readonly string[]>>;
  readonly customer: string;
  readonly fromMs: number;
};

/** Facts of what was taken back count neither way, except that a sum of it is 0 where it is all there is. */
function expectedOf(aggregation: Meter['aggregation'], question: Question): Map<string, number> {
  const { granularity, timezone, groupBy, filter, customer, fromMs } = question;
  const groups = new Map<string, Event[]>();
  for (const event of events) {
    const values: Record<string, string> = { customer: event.customer, model: event.model, region: event.region };
    const passes = Object.entries(filter).every(([name, wanted]) => [wanted].flat().includes(values[name] ?? ''));
    if (event.atMs < fromMs || !passes || (customer !== '' && event.customer !== customer)) continue;
    const start = Math.max(fromMs, startOf(event.atMs, granularity, timezone));
    const key = JSON.stringify([new Date(start).toISOString(), ...groupBy.map((name) => values[name])]);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    if (event.voidedAtMs === undefined) group.push(event);
  }
  const summed = aggregation === 'sum' || aggregation === 'count';
  return new Map(
    [...groups]
      .filter(([, group]) => summed || group.length > 0)
      .map(([key, group]) => [key, expectedValue(aggregation, group)]),
  );
}

async function found(aggregation: Meter['aggregation'], question: Question): Promise<Map<string, number>> {
  const { filter, ...rest } = question;
  const meter = catalog.meter(aggregation);
  if (meter === undefined) throw new Error(`no meter ${aggregation}`);
  const { rows } = await usageOverTime(ledger.clickhouse, catalog, {
    ...rest,
    meter: aggregation,
    filter: parseFilter(JSON.stringify(filter), meter),
    order: 'time',
    toMs: TO,
    limit: 100_000,
    offset: 0,
  });
  // Without groups there is a row for every period; those of nothing are left out here.
  const keyed = rows.map((row) => ({ key: [row.start, ...question.groupBy.map((name) => row[name])], row }));
  return new Map(keyed.map(({ key, row }) => [JSON.stringify(key), Number(row.value)] as const));
}

const everything = { groupBy: [], filter: {}, customer: '', fromMs: FROM };
const questions: Record<string, Question> = {
  'days of UTC': { ...everything, granularity: 'day', timezone: 'UTC', groupBy: ['customer'] },
  'days of Berlin, one of 23 and one of 25 hours': {
    ...everything,
    granularity: 'day',
    timezone: 'Europe/Berlin',
    groupBy: ['region'],
  },
  'days of Lord Howe, whose clocks change by half an hour': {
    ...everything,
    granularity: 'day',
    timezone: 'Australia/Lord_Howe',
    groupBy: ['model'],
  },
  'months of Kolkata': { ...everything, granularity: 'month', timezone: 'Asia/Kolkata', groupBy: ['model', 'region'] },
  'hours of Berlin when clocks go back': {
    ...everything,
    granularity: 'hour',
    timezone: 'Europe/Berlin',
    groupBy: ['customer', 'model'],
    fromMs: Date.UTC(2026, 9, 24),
  },
  'hours of Kathmandu, at :45': {
    ...everything,
    granularity: 'hour',
    timezone: 'Asia/Kathmandu',
    groupBy: ['region'],
    fromMs: Date.UTC(2026, 9, 20),
  },
  'one customer by dimensions': {
    ...everything,
    granularity: 'day',
    timezone: 'UTC',
    groupBy: ['model', 'region'],
    customer: 'bolt',
  },
  'one value of a dimension': {
    ...everything,
    granularity: 'month',
    timezone: 'UTC',
    groupBy: ['region'],
    filter: { model: 'small' },
  },
  'several values of two dimensions, of one customer': {
    ...everything,
    granularity: 'month',
    timezone: 'America/New_York',
    groupBy: ['customer'],
    filter: { model: ['large', ''], region: ['eu', 'us'] },
    customer: 'acme',
  },
  'a value that nothing has': {
    ...everything,
    granularity: 'month',
    timezone: 'UTC',
    groupBy: ['model'],
    filter: { region: 'mars' },
  },
  'from a moment that is no quarter of an hour': {
    ...everything,
    granularity: 'day',
    timezone: 'UTC',
    groupBy: ['model'],
    fromMs: FROM + 12_345,
  },
};

describe.each(Object.entries(questions))('%s', (_, question) => {
  it.each(AGGREGATIONS)('%s is what the facts say', async (aggregation) => {
    expect(await found(aggregation, question), `seed ${seed}`).toEqual(expectedOf(aggregation, question));
  });
});

it.each(AGGREGATIONS)('the largest values of %s come first when that is asked for', async (aggregation) => {
  const groups = { groupBy: ['customer'], filter: { filterNames: [], filterValues: [] }, customer: '' };
  const range = { fromMs: FROM, toMs: TO, granularity: 'day', timezone: 'UTC' } as const;
  const request = { ...groups, ...range, meter: aggregation, offset: 0 };
  const { rows } = await usageOverTime(ledger.clickhouse, catalog, { ...request, order: 'time', limit: 10_000 });
  const values = rows.map((row) => Number(row.value)).sort((left, right) => right - left);
  const top = await usageOverTime(ledger.clickhouse, catalog, { ...request, order: 'value', limit: 20 });
  expect(top.rows.map((row) => Number(row.value))).toEqual(values.slice(0, 20));
});

it('a filter names dimensions of the meter, in JSON', () => {
  const meter = catalog.meter('sum');
  if (meter === undefined) throw new Error('no meter');
  expect(() => parseFilter('{"colour":"red"}', meter)).toThrow('no dimension "colour"');
  expect(() => parseFilter('model=small', meter)).toThrow('filter is JSON');
  expect(() => parseFilter('{"model":[]}', meter)).toThrow('filter is JSON');
  expect(() => parseFilter(JSON.stringify({ model: Array.from({ length: 101 }, String) }), meter)).toThrow(
    'at most 100',
  );
  expect(parseFilter(undefined, meter)).toEqual({ filterNames: [], filterValues: [] });
});
