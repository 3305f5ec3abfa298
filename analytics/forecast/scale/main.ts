import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Registry } from 'prom-client';
import { type Customer, catalogSchema } from '../../../engine/index.js';
import { ClickHouse } from '../../clickhouse.js';
import { migrate } from '../../migrate.js';
import { DEFAULT_RULES } from '../../signals/rules-file.js';
import { startForecasts } from '../start.js';

/**
 * How long forecasts and signals of very many customers take, on a ledger that is made for it in an embedded ClickHouse:
 * `node dist/analytics/forecast/scale/main.js [--customers 100000]`. Eight weeks of facts, one an hour with use: of
 * every hundred customers five are used around the clock, twenty for four hours a day, the others for one hour.
 */

const DAYS = 56;
/** Customers of one insert. */
const INSERT_CUSTOMERS = 10_000;
/** Of the customers with new facts since the run before, one in so many. */
const CHANGED_ONE_IN = 100;

const { values } = parseArgs({ options: { customers: { type: 'string', default: '100000' } } });
const customersTotal = Number(values.customers);
const document = catalogSchema.parse({
  meters: [{ id: 'calls', eventType: 'call', aggregation: 'count' }],
  features: [{ id: 'api', kind: 'metered', meter: 'calls' }],
  plans: [
    {
      id: 'pro',
      features: { api: { limits: [{ id: 'monthly', kind: 'quota', amount: 5_000, window: { every: 'month' } }] } },
    },
  ],
  customers: [{ id: 'pattern', plan: 'pro' }],
});
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const nameOf = (index: number): string => `customer-${String(index).padStart(7, '0')}`;
const customerNamed = (id: string): Customer | null => {
  const [pattern] = document.customers;
  return pattern === undefined ? null : { ...pattern, id };
};
const one = <T extends { readonly id: string }>(objects: readonly T[], id: string): T | undefined =>
  objects.find((object) => object.id === id);

const home = await mkdtemp(join(tmpdir(), 'weir-scale-'));
const clickhouse = await ClickHouse.open({ home, clickhouseUrl: undefined }, 2);
try {
  await migrate(clickhouse);
  const endMs = Date.now();
  say(`${customersTotal} customers, ${availableParallelism()} cores`);
  await timed('ledger made', () => makeLedger(endMs));
  let nowMs = endMs;
  const watch = startForecasts({
    clickhouse,
    catalog: {
      meter: (id) => one(document.meters, id),
      feature: (id) => one(document.features, id),
      plan: (id) => one(document.plans, id),
      addon: (id) => one(document.addons, id),
      customer: customerNamed,
      loadCustomer: async (id) => customerNamed(id),
    },
    rules: DEFAULT_RULES,
    async listCustomers(limit, cursor) {
      const from = Number(cursor ?? 0);
      const to = Math.min(customersTotal, from + limit);
      const ids = Array.from({ length: to - from }, (_, index) => nameOf(from + index));
      return { ids, cursor: to === customersTotal ? null : String(to) };
    },
    registry: new Registry(),
    log: { info: () => undefined, warn: () => undefined },
    everySeconds: 0,
    now: () => nowMs,
  });
  const busy = process.cpuUsage();
  await timed('all customers', () => watch.run());
  const { user, system } = process.cpuUsage(busy);
  say(`of it CPU, all threads: ${((user + system) / 1e6).toFixed(1)} s`);
  say(`forecasts: ${await count('forecasts')}, signals: ${await count('signals')}`);
  nowMs = endMs + 2 * 3_600_000;
  await insertFacts('number * {step:UInt64}', Math.floor(customersTotal / CHANGED_ONE_IN), CHANGED_ONE_IN, nowMs, 1);
  await timed(`customers with new facts, one in ${CHANGED_ONE_IN}`, () => watch.run());
} finally {
  await clickhouse.close();
  await rm(home, { recursive: true, force: true });
}

async function makeLedger(nowMs: number): Promise<string> {
  for (let from = 0; from < customersTotal; from += INSERT_CUSTOMERS) {
    const some = Math.min(INSERT_CUSTOMERS, customersTotal - from);
    await insertFacts('number + {step:UInt64}', some, from, nowMs, DAYS * 24);
  }
  return `${await count('usage_facts')} facts`;
}

/** One fact an hour with use, over the last `hours`. */
async function insertFacts(index: string, some: number, step: number, nowMs: number, hours: number): Promise<void> {
  await clickhouse.command(
    `INSERT INTO usage_facts
    SELECT 1, 's00', 1, toUInt32(index), toUInt32(ago), at, at, concat('customer-', leftPad(toString(index), 7, '0')), '',
      'api', 'calls', amount, amount, 'check', false, '', '', map(), ['monthly'],
      [toUnixTimestamp64Milli(toDateTime64(toStartOfMonth(at), 3, 'UTC'))], [amount], [5000], 1
    FROM
    (
      SELECT ${index} AS index, arrayJoin(range({hours:UInt32})) AS ago,
        fromUnixTimestamp64Milli({nowMs:Int64} - toInt64(ago) * 3600000 - 60000, 'UTC') AS at,
        toInt64(1 + sipHash64(index, ago) % 40) AS amount
      FROM numbers({some:UInt64})
    )
    WHERE {hours:UInt32} = 1 OR index % 100 < 5
      OR index % 100 < 25 AND (toHour(at) + index) % 24 < 4
      OR toHour(at) = index % 24 AND toDayOfWeek(at) < 6`,
    { some, step, nowMs, hours },
  );
}

async function count(table: string): Promise<string> {
  const bytes = await clickhouse.bytes(`SELECT count() FROM ${table} FORMAT TabSeparated`, {});
  return bytes.toString('utf8').trim();
}

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const startedMs = performance.now();
  const result = await work();
  say(`${what}: ${((performance.now() - startedMs) / 1_000).toFixed(1)} s ${JSON.stringify(result)}`);
}
