import { randomBytes } from 'node:crypto';
import type { WeirEngine } from '../../engine/index.js';
import type { OperationRow, OperationsReport } from '../report/report.js';
import { spreadOf } from '../report/spread.js';
import { withPrivateEngine } from './private-engine.js';
import type { RedisMeter } from './redis-meter.js';

const CUSTOMERS = 1_000;
/** Operations asked at once: with them calls are as large as under load. */
const TOGETHER = 100;
const FEATURE = 'chat';
const DRY = 'dry';
const SEATS = 'seats';
const TTL_MS = 60_000;
const AMPLE = 1_000_000_000_000;

export interface OperationsExtent {
  readonly rounds: number;
  /** Of each kind in a round; at least the 100 that are asked at once. */
  readonly each: number;
}

/** Who asks, under which id. @returns whether it went as it should. */
type Ask = (engine: WeirEngine, customer: string, id: string) => Promise<boolean>;

const check =
  (more: { feature?: string; entity?: string; dryRun?: boolean; isAllowed?: boolean } = {}, withId = false): Ask =>
  async (engine, customer, id) => {
    const { feature = FEATURE, entity, dryRun = false, isAllowed = true } = more;
    const asked = { customer, feature, amount: 1, entity, dryRun, ...(withId ? { id } : {}) };
    const outcome = await engine.check(asked);
    return outcome.status === 'decided' && outcome.decision.allowed === isAllowed;
  };

const event =
  (type: string, entity?: string): Ask =>
  async (engine, customer, id) => {
    const data = { units: 1, more: 2 };
    const [outcome] = await engine.record([{ source: 'loadtest', id, type, customer, entity, data }]);
    return outcome?.status === 'accepted';
  };

const hold =
  (settle: 'commit' | 'release', feature = FEATURE, entity?: string): Ask =>
  async (engine, customer, id) => {
    const amount = feature === SEATS ? 0 : 5;
    const { decision } = await engine.reserve({ customer, feature, entity, amount, id, ttlMs: TTL_MS });
    if (settle === 'commit') await engine.commit({ customer, id, amount: 3 });
    else await engine.release({ customer, id });
    return decision.allowed;
  };

/** The first is what the others are held against. */
const KINDS: Readonly<Record<string, Ask>> = {
  'check, by a bucket and a quota': check(),
  'check under an id': check({}, true),
  'check of an entity, a third limit': check({ entity: 'team' }),
  'check of an entity below it, a fourth': check({ entity: 'user' }),
  'dry run': check({ dryRun: true }),
  'check that is denied': check({ feature: DRY, isAllowed: false }),
  event: event('chat'),
  'event charged to two features': event('call'),
  'event of an entity below an entity': event('chat', 'user'),
  'reservation and its commit': hold('commit'),
  'reservation and its release': hold('release'),
  'reservation and commit of an entity below an entity': hold('commit', FEATURE, 'user'),
  'a slot taken and given back': hold('release', SEATS),
};

/**
 * What each kind of operation costs Redis: time inside the commit function, of a private Redis, through the real engine.
 * In each round all kinds have their turn, so that a slow moment of the machine meets all of them.
 *
 * @throws Error where an operation did not go as it should.
 */
export async function measureOperations(
  { rounds, each }: OperationsExtent,
  progress: (text: string) => void,
): Promise<OperationsReport> {
  const customers = Array.from({ length: CUSTOMERS }, (_, index) => `op-${String(index).padStart(7, '0')}`);
  return await withPrivateEngine(catalogText(customers), async ({ engine, meter }) => {
    const turn = new Turn(engine, customers, meter);
    const micros = new Map<string, number[]>(Object.keys(KINDS).map((kind) => [kind, []]));
    // Until every customer has all limits.
    for (const ask of Object.values(KINDS)) await turn.take(ask, CUSTOMERS);
    for (let round = 1; round <= rounds; round++) {
      for (const [kind, ask] of Object.entries(KINDS)) micros.get(kind)?.push(await turn.take(ask, each));
      progress(`operations: round ${round} of ${rounds}`);
    }
    return { rounds, each, customers: CUSTOMERS, rows: rowsOf(micros) };
  });
}

class Turn {
  readonly #engine: WeirEngine;
  readonly #customers: readonly string[];
  readonly #meter: RedisMeter;
  readonly #run = randomBytes(4).toString('hex');
  #asked = 0;

  constructor(engine: WeirEngine, customers: readonly string[], meter: RedisMeter) {
    this.#engine = engine;
    this.#customers = customers;
    this.#meter = meter;
  }

  /** @returns µs of Redis for each of `count` operations. */
  async take(ask: Ask, count: number): Promise<number> {
    const before = await this.#meter.counts();
    for (let left = count; left > 0; left -= TOGETHER) {
      const together = Array.from({ length: Math.min(TOGETHER, left) }, () => {
        this.#asked += 1;
        const customer = this.#customers[this.#asked % this.#customers.length] ?? '';
        return ask(this.#engine, customer, `${this.#run}-${this.#asked}`);
      });
      if (!(await Promise.all(together)).every(Boolean)) throw new Error('an operation did not go as it should');
    }
    return ((await this.#meter.counts()).functionMicros - before.functionMicros) / count;
  }
}

/** Ratios are to the check of the same round. */
function rowsOf(micros: ReadonlyMap<string, readonly number[]>): OperationRow[] {
  const [checks = []] = micros.values();
  return [...micros].map(([what, each]) => ({
    what,
    micros: spreadOf(each),
    ofCheck: spreadOf(each.map((value, round) => value / (checks[round] ?? Number.NaN))),
  }));
}

function catalogText(customers: readonly string[]): string {
  const quota = (id: string, amount = AMPLE) => ({ id, kind: 'quota', amount, window: { every: 'month' } });
  const bucket = (id: string) => ({
    id,
    kind: 'bucket',
    capacity: 1_000_000_000,
    refill: { amount: 1, everyMs: 1_000 },
  });
  const features: Record<string, readonly object[]> = {
    [FEATURE]: [bucket('burst'), quota('monthly')],
    input: [quota('monthly')],
    output: [quota('monthly')],
    [DRY]: [bucket('burst'), quota('monthly', 0)],
    [SEATS]: [{ id: 'parallel', kind: 'concurrency', slots: 1_000_000 }],
  };
  const meter = (id: string, eventType: string, value: string) => ({ id, eventType, aggregation: 'sum', value });
  const entities = [
    { id: 'team', features: { [FEATURE]: { limits: [quota('monthly')] } } },
    { id: 'user', parent: 'team', features: { [FEATURE]: { limits: [bucket('pace')] } } },
  ];
  return JSON.stringify({
    meters: [
      meter(FEATURE, 'chat', '$.units'),
      meter('input', 'call', '$.units'),
      meter('output', 'call', '$.more'),
      meter(DRY, 'dry', '$.units'),
      meter(SEATS, 'seat', '$.units'),
    ],
    features: Object.keys(features).map((id) => ({ id, kind: 'metered', meter: id })),
    plans: [
      { id: 'plan', features: Object.fromEntries(Object.entries(features).map(([id, limits]) => [id, { limits }])) },
    ],
    customers: customers.map((id) => ({ id, plan: 'plan', entities })),
  });
}
