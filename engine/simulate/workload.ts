import type { Fact, OutboxEntry } from '../contract/fact.js';
import { VOID_REASON } from '../contract/void.js';
import type { Charge } from '../engine.js';
import { chargeOf } from '../oracle/charge.js';
import type { Random } from '../oracle/random.js';
import type { Ask, CheckAsk, EventAsk } from '../oracle/reply.js';
import type { Errand } from './gateway.js';
import { ENTITIES, EVENT_TYPE, FEATURES } from './random-catalog.js';
import type { World } from './world.js';

/** Past operations of one customer that may come again. */
const HISTORY_MAX = 40;
/** Below the 64 holds that one operation gives back, whose order among equals nobody promises. */
const OPEN_HOLDS_MAX = 50;

/** Of events; what else is recorded cannot be taken back. */
const SOURCES: readonly string[] = ['api', 'worker'];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Traffic: operations of every kind, repeated, repeated with another body, tried again after a denial. */
export class Workload {
  readonly #random: Random;
  readonly #world: World;
  readonly #history = new Map<string, Ask[]>();
  readonly #charges = new Map<string, Charge[]>();
  #ids = 0;

  constructor(random: Random, world: World) {
    this.#random = random;
    this.#world = world;
  }

  /** Customers without repetition: a few of them are hot. */
  customers(count: number): string[] {
    const { customerIds } = this.#world;
    const found = new Set<string>();
    for (let draw = 0; draw < count * 2 && found.size < count; draw++) {
      found.add(customerIds[this.#random.zipf(customerIds.length, 1.1)] ?? '');
    }
    return [...found];
  }

  errand(customer: string, nowMs: number, openHolds: number): Errand {
    const random = this.#random;
    if (random.chance(0.01)) return { customer: 'nobody', kind: 'one', asks: [this.#check('nobody', nowMs)] };
    const one = (ask: Ask): Errand => ({ customer, kind: 'one', asks: [ask] });
    const roll = random.next();
    if (roll < 0.04) return this.#batch(customer, 'many', nowMs);
    if (roll < 0.09) return this.#batch(customer, 'atomic', nowMs);
    if (roll < 0.13) {
      const asks = Array.from({ length: random.int(1, 5) }, () =>
        this.#again(customer, () => this.#event(customer, nowMs)),
      );
      return { customer, kind: 'events', asks: asks.filter(({ op }) => op === 'event') };
    }
    return one(this.#again(customer, () => this.#ask(customer, nowMs, openHolds)));
  }

  /** Checks and records of one feature that are sent at once, some of them twice. */
  burst(customer: string): CheckAsk[] {
    const random = this.#random;
    const feature = random.pick(FEATURES);
    const entity = this.#entity(customer);
    const asks = Array.from(
      { length: random.int(4, 40) },
      (): CheckAsk => ({
        op: random.chance(0.85) ? 'check' : 'record',
        feature,
        entity: random.chance(0.8) ? entity : undefined,
        amount: random.int(0, 60),
        id: this.#id(),
      }),
    );
    return [...asks, ...asks.filter(() => random.chance(0.2))];
  }

  /** A peek at every feature of a customer, and of its entities. */
  balances(customer: string): Errand {
    const entities = this.#world.hasEntities(customer) ? [undefined, ...ENTITIES] : [undefined];
    const asks = FEATURES.flatMap((feature) =>
      entities.map((entity): CheckAsk => ({ op: 'peek', feature, entity, amount: 0 })),
    );
    return { customer, kind: 'many', asks };
  }

  /** Takes events that were charged from the ledger, so that some of them can be taken back later. */
  learn(entries: readonly OutboxEntry[]): void {
    for (const { facts } of entries) {
      const events = new Map<string, Fact[]>();
      for (const fact of facts) {
        if (fact.kind !== 'record' || !SOURCES.includes(fact.source)) continue;
        const key = JSON.stringify([fact.customer, fact.source, fact.id]);
        events.set(key, [...(events.get(key) ?? []), fact]);
      }
      for (const parts of events.values()) {
        const [{ customer, chargedAtMs } = { customer: '', chargedAtMs: 0 }] = parts;
        const charges = this.#charges.get(customer) ?? [];
        charges.push(chargeOf(parts, String(chargedAtMs)));
        if (charges.length > HISTORY_MAX) charges.shift();
        this.#charges.set(customer, charges);
      }
    }
  }

  #batch(customer: string, kind: 'many' | 'atomic', nowMs: number): Errand {
    const random = this.#random;
    const asks = Array.from({ length: random.int(1, 6) }, () =>
      this.#again(customer, () => this.#check(customer, nowMs)),
    );
    const checks = asks.flatMap((ask) => (ask.op === 'check' || ask.op === 'peek' ? [ask] : []));
    const [first = this.#check(customer, nowMs)] = checks;
    if (kind === 'atomic') return { customer, kind, asks: [first, ...checks.slice(1)] };
    // On one set of limits: an item that lacks a window is asked again after items on limits that lack none.
    const { feature, entity } = first;
    const alike = checks.slice(1).filter((check) => check.feature === feature && check.entity === entity);
    const more = Array.from({ length: random.int(0, 4) }, () => ({ ...this.#check(customer, nowMs), feature, entity }));
    return { customer, kind, asks: [first, ...alike, ...more] };
  }

  /** Something new, or a past operation again: the same, or with another body under its id. */
  #again(customer: string, fresh: () => Ask): Ask {
    const random = this.#random;
    const history = this.#history.get(customer) ?? [];
    if (history.length > 0 && random.chance(0.2)) {
      const past = random.pick(history);
      return random.chance(0.8) ? past : this.#altered(past);
    }
    const ask = fresh();
    history.push(ask);
    if (history.length > HISTORY_MAX) history.shift();
    this.#history.set(customer, history);
    return ask;
  }

  #altered(ask: Ask): Ask {
    switch (ask.op) {
      case 'event':
        return { ...ask, data: { tokens: (ask.data.tokens ?? 0) + 1 } };
      case 'release':
        return { op: 'commit', reservation: ask.reservation, amount: 1 };
      case 'heartbeat':
        return { ...ask, ttlMs: ask.ttlMs + 1 };
      case 'void':
        return { ...ask, charge: { ...ask.charge, dimensions: { [VOID_REASON]: 'another reason' } } };
      default:
        return { ...ask, amount: ask.amount + 1 };
    }
  }

  #ask(customer: string, nowMs: number, openHolds: number): Ask {
    const random = this.#random;
    const charges = this.#charges.get(customer) ?? [];
    if (charges.length > 0 && random.chance(0.06)) return { op: 'void', charge: random.pick(charges) };
    const roll = random.next();
    if (roll < 0.5) return this.#check(customer, nowMs);
    if (roll < 0.58) return { ...this.#check(customer, nowMs), op: 'record' };
    if (roll < 0.7) return this.#event(customer, nowMs);
    if (roll < 0.84 && openHolds < OPEN_HOLDS_MAX) {
      return {
        op: 'reserve',
        reservation: this.#id(),
        feature: random.pick(FEATURES),
        entity: this.#entity(customer),
        amount: this.#amount(),
        ttlMs: this.#ttlMs(),
      };
    }
    const reservation = this.#reservation(customer);
    if (roll < 0.92) return { op: 'commit', reservation, amount: this.#amount() };
    if (roll < 0.96) return { op: 'release', reservation };
    return { op: 'heartbeat', reservation, ttlMs: this.#ttlMs() };
  }

  #check(customer: string, nowMs: number): CheckAsk {
    const random = this.#random;
    const hasId = random.chance(0.6);
    // What is free of limits leaves no memory, so it carries no id here.
    const feature = random.chance(0.03) ? random.pick(['sso', 'nothing']) : random.pick(FEATURES);
    return {
      op: random.chance(0.12) ? 'peek' : 'check',
      feature,
      entity: this.#entity(customer),
      amount: this.#amount(),
      id: hasId && feature !== 'sso' ? `${nowMs}-${this.#id()}` : undefined,
    };
  }

  #event(customer: string, nowMs: number): EventAsk {
    const random = this.#random;
    return {
      op: 'event',
      source: random.pick(SOURCES),
      id: this.#id(),
      type: random.chance(0.02) ? 'unknown.type' : EVENT_TYPE,
      entity: this.#entity(customer),
      happenedAtMs: this.#happenedAtMs(nowMs),
      data: random.chance(0.02) ? {} : { tokens: this.#amount() },
    };
  }

  #happenedAtMs(nowMs: number): number | undefined {
    const random = this.#random;
    const agoMs = random.pick([null, 0, 500, MINUTE_MS, HOUR_MS, DAY_MS, 31 * DAY_MS, 62 * DAY_MS, -HOUR_MS / 6]);
    return agoMs === null ? undefined : nowMs - (agoMs < 0 ? -random.int(0, -agoMs) : random.int(0, agoMs));
  }

  #entity(customer: string): string | undefined {
    const random = this.#random;
    if (this.#world.hasEntities(customer)) return random.chance(0.6) ? random.pick(ENTITIES) : undefined;
    return random.chance(0.01) ? 'stranger' : undefined;
  }

  #reservation(customer: string): string {
    const reserved = (this.#history.get(customer) ?? []).flatMap((ask) =>
      ask.op === 'reserve' ? [ask.reservation] : [],
    );
    return reserved.length > 0 && this.#random.chance(0.95) ? this.#random.pick(reserved) : 'never-made';
  }

  #amount(): number {
    const random = this.#random;
    return random.chance(0.1) ? random.pick([0, 1, 500, 2_500]) : random.int(0, 80);
  }

  #ttlMs(): number {
    return this.#random.pick([1, 1_000, MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, DAY_MS]);
  }

  #id(): string {
    this.#ids++;
    return `i${this.#ids}`;
  }
}
