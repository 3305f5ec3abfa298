import {
  type CheckOutcome,
  EVENT_BATCH_MAX,
  type EventOutcome,
  type RedisClient,
  type WeirEngine,
} from '../../engine/index.js';
import { waitFor } from '../harness/services.js';
import type { MemoryReport, MemoryRow } from '../report/report.js';
import { withPrivateEngine } from './private-engine.js';
import type { RedisMeter } from './redis-meter.js';

const FEATURE = 'api';
const EVENT_TYPE = 'load.used';
/** A customer beside those that are measured. */
const FIRST = 'first';
/** Streams whose entries go away as soon as the relay has carried them. */
const OUTBOXES = ['{s00}:outbox', '{catalog}:outbox'];
const FREE_MS_MAX = 60_000;
/** Checks at a time, or reservations. */
const CHECKS_MAX = 1_000;
const TTL_MS = 60_000;

const TARGETS = { customer: 500, event: 48, check: 96 };

export interface MemoryExtent {
  readonly customers: number;
  /** Of each kind: events, checks with an id, and reservations. */
  readonly ids: number;
}

/**
 * Redis memory of a customer with three limits, each used, and of a remembered id: differences of a private Redis's
 * `used_memory`, without connections and without what waits for the relay, through the real engine.
 *
 * @throws Error where an operation was not admitted.
 */
export async function measureMemory(extent: MemoryExtent, progress: (text: string) => void): Promise<MemoryReport> {
  const customers = Array.from({ length: extent.customers }, (_, index) => `mem-${String(index).padStart(7, '0')}`);
  return await withPrivateEngine(catalogText([FIRST]), async ({ engine, redis, meter, apply }) => {
    // What there is once, however many customers: functions, their interpreter, a gateway's last replies.
    await checkAll(engine, [FIRST], () => undefined);
    const meterRest = () => atRest(redis, meter);
    const empty = await meterRest();
    progress(`memory: ${customers.length} customers`);
    await apply(catalogText([FIRST, ...customers]));
    const catalogued = await meterRest();
    await checkAll(engine, customers, () => undefined);
    const used = await meterRest();
    progress(`memory: ${extent.ids} ids of events`);
    await recordAll(engine, customers, extent.ids, 'first');
    const first = await meterRest();
    await recordAll(engine, customers, extent.ids, 'further');
    const recorded = await meterRest();
    progress(`memory: ${extent.ids} ids of checks`);
    await checkAll(engine, turns(customers, extent.ids), (index) => `check-${index}`);
    const checked = await meterRest();
    progress(`memory: ${extent.ids} reservations`);
    await settleAll(engine, turns(customers, extent.ids));
    const settled = await meterRest();
    const each = (bytes: number, count: number): number => bytes / count;
    return {
      ...extent,
      rows: rowsOf({
        entry: each(catalogued - empty, extent.customers),
        state: each(used - catalogued, extent.customers),
        firstEvent: each(first - used, extent.ids),
        event: each(recorded - first, extent.ids),
        check: each(checked - recorded, extent.ids),
        reservation: each(settled - checked, extent.ids),
      }),
    };
  });
}

interface Bytes {
  readonly entry: number;
  readonly state: number;
  readonly firstEvent: number;
  readonly event: number;
  readonly check: number;
  readonly reservation: number;
}

/** The first ids bear the hashes that all ids share; what promises are about is each further one. */
function rowsOf(bytes: Bytes): MemoryRow[] {
  return [
    { what: 'a customer with three limits, each used', bytes: bytes.entry + bytes.state, target: TARGETS.customer },
    { what: 'of that: the state of its limits', bytes: bytes.state, target: null },
    { what: 'of that: its entry in the catalog', bytes: bytes.entry, target: null },
    { what: 'an id of an event, the first ones', bytes: bytes.firstEvent, target: null },
    { what: 'an id of an event', bytes: bytes.event, target: TARGETS.event },
    { what: 'an id of a check', bytes: bytes.check, target: TARGETS.check },
    { what: 'a reservation that is settled', bytes: bytes.reservation, target: null },
  ];
}

/** Bytes in use when everything that is on its way has been carried off, and what was removed is freed. */
async function atRest(redis: RedisClient, meter: RedisMeter): Promise<number> {
  for (const outbox of OUTBOXES) await redis.xtrim(outbox, 'MAXLEN', 0);
  let bytes = 0;
  const isFreed = async () => {
    const found = await meter.memory();
    bytes = found.bytes;
    return found.freeing === 0;
  };
  await waitFor(isFreed, { timeoutMs: FREE_MS_MAX, what: 'Redis to free what was removed' });
  return bytes;
}

function catalogText(customers: readonly string[]): string {
  const quota = (id: string, every: string) => ({ id, kind: 'quota', amount: 1_000_000_000, window: { every } });
  const limits = [
    { id: 'burst', kind: 'bucket', capacity: 1_000_000, refill: { amount: 1_000, everyMs: 1_000 } },
    quota('daily', 'day'),
    quota('monthly', 'month'),
  ];
  return JSON.stringify({
    meters: [{ id: 'units', eventType: EVENT_TYPE, aggregation: 'sum', value: '$.units' }],
    features: [{ id: FEATURE, kind: 'metered', meter: 'units' }],
    plans: [{ id: 'three', features: { [FEATURE]: { limits } } }],
    customers: customers.map((id) => ({ id, plan: 'three' })),
  });
}

/** This many customers, in turn. */
const turns = (customers: readonly string[], count: number): string[] =>
  Array.from({ length: count }, (_, index) => customers[index % customers.length] ?? '');

async function checkAll(
  engine: WeirEngine,
  customers: readonly string[],
  idOf: (index: number) => string | undefined,
): Promise<void> {
  for (let first = 0; first < customers.length; first += CHECKS_MAX) {
    const requests = customers.slice(first, first + CHECKS_MAX).map((customer, place) => {
      const id = idOf(first + place);
      return { customer, feature: FEATURE, amount: 1, dryRun: false, ...(id === undefined ? {} : { id }) };
    });
    const isAdmitted = (outcome: CheckOutcome) => outcome.status === 'decided' && outcome.decision.allowed;
    const odd = (await engine.checkMany(requests, false)).find((outcome) => !isAdmitted(outcome));
    if (odd !== undefined) throw new Error(`a check was not admitted: ${JSON.stringify(odd)}`);
  }
}

/** Holds and commits them, by which each is remembered with both answers. */
async function settleAll(engine: WeirEngine, customers: readonly string[]): Promise<void> {
  for (let first = 0; first < customers.length; first += CHECKS_MAX) {
    const holds = customers
      .slice(first, first + CHECKS_MAX)
      .map((customer, place) => ({ id: `hold-${first + place}`, customer }));
    const held = await Promise.all(
      holds.map((hold) => engine.reserve({ ...hold, feature: FEATURE, amount: 2, ttlMs: TTL_MS })),
    );
    const odd = held.find(({ decision }) => !decision.allowed);
    if (odd !== undefined) throw new Error(`a reservation was not admitted: ${JSON.stringify(odd)}`);
    await Promise.all(holds.map((hold) => engine.commit({ ...hold, amount: 1 })));
  }
}

async function recordAll(
  engine: WeirEngine,
  customers: readonly string[],
  count: number,
  source: string,
): Promise<void> {
  for (let first = 0; first < count; first += EVENT_BATCH_MAX) {
    const events = turns(customers, Math.min(EVENT_BATCH_MAX, count - first)).map((customer, place) => ({
      id: `event-${first + place}`,
      source,
      type: EVENT_TYPE,
      customer,
      data: { units: 1 },
    }));
    const isAccepted = (outcome: EventOutcome) => outcome.status === 'accepted';
    const odd = (await engine.record(events)).find((outcome) => !isAccepted(outcome));
    if (odd !== undefined) throw new Error(`an event was not accepted: ${JSON.stringify(odd)}`);
  }
}
