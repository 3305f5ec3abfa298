import { Cluster } from 'ioredis';
import { connectRedis, type RedisClient } from '../catalog/redis.js';
import type { WeirEngine } from '../create.js';
import { createRandom, type Random } from '../oracle/random.js';
import { Auditor, type Mismatch, type Tally } from './auditor.js';
import { Fleet, VirtualClock } from './faults.js';
import { type Errand, type Observed, send } from './gateway.js';
import { Ledger } from './ledger.js';
import { isDenial } from './results.js';
import { atMasters, failOver } from './servers.js';
import { Traces } from './traces.js';
import { Workload } from './workload.js';
import { World } from './world.js';

export interface SimulationOptions {
  /** URL of a Redis, or of a cluster, that nobody else uses. */
  readonly url: string;
  readonly seed: number;
  /** Operations to decide. */
  readonly steps: number;
  readonly customers: number;
  /** Chance that the catalog changes between two rounds; left out, CHANGES. */
  readonly changes?: number | undefined;
  readonly gateways?: number;
  /** Called after each round with the operations decided by then. */
  readonly progress?: (steps: number) => void;
}

export interface SimulationReport extends Tally {
  readonly seed: number;
  readonly rounds: number;
  readonly durationMs: number;
  /** What was done to the system, by name. */
  readonly faults: Readonly<Record<string, number>>;
  readonly mismatches: readonly Mismatch[];
}

const START_MS = Date.parse('2026-03-20T08:00:00Z');
const GATEWAYS = 3;
const CHANGES = 0.15;
const ERRANDS_PER_ROUND_MAX = 48;
/** Enough to see whether they are one or several; what follows a mismatch costs time only. */
const MISMATCHES_MAX = 5;
const BALANCES_EVERY_ROUNDS = 50;
const BALANCES_CUSTOMERS = 20;

/**
 * Runs seeded traffic through several gateways on one Redis, with faults, and holds every answer and every line of the
 * ledgers against the model. A round is one instant: errands of different customers at once, or a burst of one
 * customer, while connections are cut; between rounds the clock moves and the catalog changes.
 */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const redis = connectRedis(options.url);
  const random = createRandom(options.seed);
  const clock = new VirtualClock(random.fork(), START_MS);
  const world = new World(redis, random.fork(), options.customers, START_MS);
  const fleet = new Fleet(options.url, redis, clock);
  const simulation = new Simulation(options, random, clock, world, fleet, redis);
  try {
    await redis.ping();
    await atMasters(redis, (master) => master.flushall());
    await world.initialise();
    await fleet.open(options.gateways ?? GATEWAYS, random.fork());
    return await simulation.run();
  } finally {
    await fleet.close();
    redis.disconnect();
  }
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #clock: VirtualClock;
  readonly #world: World;
  readonly #fleet: Fleet;
  readonly #redis: RedisClient;
  readonly #ledger: Ledger;
  readonly #workload: Workload;
  readonly #auditor: Auditor;
  readonly #faults: Record<string, number> = {};

  constructor(
    options: SimulationOptions,
    random: Random,
    clock: VirtualClock,
    world: World,
    fleet: Fleet,
    redis: RedisClient,
  ) {
    this.#options = options;
    this.#random = random;
    this.#clock = clock;
    this.#world = world;
    this.#fleet = fleet;
    this.#redis = redis;
    this.#ledger = new Ledger(redis);
    this.#workload = new Workload(random.fork(), world);
    this.#auditor = new Auditor(world);
  }

  async run(): Promise<SimulationReport> {
    const startedAt = performance.now();
    const { tally, mismatches } = this.#auditor;
    let rounds = 0;
    while (tally.steps < this.#options.steps && mismatches.length < MISMATCHES_MAX) {
      await this.#betweenRounds();
      if (this.#random.chance(0.1)) await this.#burst();
      else await this.#errands();
      rounds++;
      if (rounds % BALANCES_EVERY_ROUNDS === 0) await this.#balances();
      this.#options.progress?.(tally.steps);
    }
    this.#faults['lost replies, sent again'] = this.#fleet.resends;
    this.#faults['catalog changes'] = this.#world.changes;
    this.#faults['catalog changes refused'] = this.#world.refusedChanges;
    const { seed } = this.#options;
    const durationMs = performance.now() - startedAt;
    return { ...tally, seed, rounds, durationMs, faults: this.#faults, mismatches };
  }

  async #betweenRounds(): Promise<void> {
    const random = this.#random;
    const jump = this.#clock.move();
    if (jump !== null) this.#count(jump);
    if (random.chance(this.#options.changes ?? CHANGES)) {
      const change = await this.#world.change(this.#clock.nowMs, this.#workload.customers(5));
      this.#auditor.note(change);
    }
    if (random.chance(0.05)) {
      this.#count("gateways' own clocks set");
      this.#fleet.set(random);
    }
    if (random.chance(0.02)) {
      this.#count('functions forgotten');
      await this.#fleet.forgetFunctions();
    }
    if (random.chance(0.01)) {
      this.#count('gateways replaced');
      await this.#fleet.replace(random.int(0, this.#fleet.all.length - 1), random);
    }
  }

  async #errands(): Promise<void> {
    const random = this.#random;
    const customers = this.#workload
      .customers(random.int(1, ERRANDS_PER_ROUND_MAX))
      .filter((customer) => this.#auditor.isTrusted(customer));
    const errands = distinct(
      customers.map((customer) =>
        this.#workload.errand(customer, this.#clock.nowMs, this.#auditor.openHolds(customer)),
      ),
    );
    const sent = errands.map((errand) => ({ errand, answers: send(this.#gateway(errand.customer), errand) }));
    await this.#disturb();
    const done: { errand: Errand; observed: Observed[] }[] = [];
    for (const { errand, answers } of sent) done.push({ errand, observed: await answers });
    const entries = await this.#ledger.take();
    this.#workload.learn(entries);
    for (const { errand, observed } of done) this.#auditor.audit(errand, observed, this.#clock.nowMs, entries);
    this.#auditor.closeRound(entries);
    const denied = done.find(
      ({ errand, observed }) => errand.kind === 'one' && observed.some(({ result }) => isDenial(result)),
    );
    if (denied !== undefined && random.chance(0.2)) await this.#repeatDenial(denied.errand);
  }

  /** Invariant 2: a denial writes nothing but its line. Expired holds have gone back with the first one. */
  async #repeatDenial(errand: Errand): Promise<void> {
    this.#count('denials looked into');
    const traces = new Traces(this.#redis, errand.customer);
    await traces.look();
    const observed = await send(this.#gateway(errand.customer), errand);
    // Before the outbox is emptied, which takes no key away: an empty stream stays.
    const isClean = await traces.areNone();
    const entries = await this.#ledger.take();
    this.#auditor.audit(errand, observed, this.#clock.nowMs, entries);
    this.#auditor.closeRound(entries);
    if (!isClean) this.#auditor.denialLeftTraces(errand);
  }

  async #burst(): Promise<void> {
    const [customer] = this.#workload.customers(1).filter((each) => this.#auditor.isTrusted(each));
    if (customer === undefined) return;
    this.#count('bursts');
    const asks = this.#workload.burst(customer);
    const sent = asks.map((ask) => send(this.#gateway(customer), { customer, kind: 'one', asks: [ask] }));
    await this.#disturb();
    const observed = (await Promise.all(sent)).flat();
    const entries = await this.#ledger.take();
    this.#auditor.auditBurst(customer, asks, observed, entries, this.#clock.nowMs);
    this.#auditor.closeRound(entries);
  }

  /** Faults while operations are on their way. */
  async #disturb(): Promise<void> {
    const random = this.#random;
    if (!random.chance(0.12)) return;
    if (random.chance(0.15)) {
      this.#count('functions forgotten in flight');
      await this.#fleet.forgetFunctions();
      return;
    }
    if (this.#redis instanceof Cluster && random.chance(0.2)) {
      this.#count('replicas that took over in flight');
      await failOver(this.#redis, (count) => random.int(0, count - 1));
      return;
    }
    this.#count('connections cut in flight');
    for (let turn = random.int(0, 3); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
    await this.#fleet.cut();
  }

  /** Counters as a dashboard reads them, of some customers: a peek at every feature and entity. */
  async #balances(): Promise<void> {
    const customers = this.#random.shuffle(this.#auditor.touched()).slice(0, BALANCES_CUSTOMERS);
    for (const customer of customers) {
      const errand = this.#workload.balances(customer);
      this.#auditor.audit(errand, await send(this.#gateway(errand.customer), errand), this.#clock.nowMs, []);
    }
    this.#auditor.closeRound(await this.#ledger.take());
  }

  /** Until it has heard of Redis, a gateway's own clock says when grants begin and end: one that began with those of now. */
  #gateway(customer: string): WeirEngine {
    const { nowMs } = this.#clock;
    const able = this.#fleet.all.filter(({ bornAheadMs }) =>
      this.#world.hasGrantsOf(customer, nowMs, nowMs + bornAheadMs),
    );
    return this.#random.pick(able).engine;
  }

  #count(fault: string): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
  }
}

/** One errand for each customer: two of one customer at once would have no predictable order. */
function distinct(errands: readonly Errand[]): Errand[] {
  return [...new Map(errands.map((errand) => [errand.customer, errand])).values()];
}
