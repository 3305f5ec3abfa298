import { createEngine, type WeirEngine } from '../create.js';
import type { Random } from '../oracle/random.js';
import type { RedisClient } from '../store/cluster.js';
import { atMasters } from './servers.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The clock of decisions, as Redis's is. */
export class VirtualClock {
  nowMs: number;
  readonly #random: Random;

  constructor(random: Random, nowMs: number) {
    this.#random = random;
    this.nowMs = nowMs;
  }

  /** Moves on, mostly a little. @returns the name of a jump, null for an ordinary step. */
  move(): string | null {
    const random = this.#random;
    const roll = random.next();
    if (roll < 0.2) return null;
    if (roll < 0.7) {
      this.nowMs += random.int(1, 2_000);
      return null;
    }
    if (roll < 0.85) {
      this.nowMs += random.int(1, 10) * MINUTE_MS;
      return null;
    }
    if (roll < 0.93) return this.#toBorder();
    if (roll < 0.97) {
      this.nowMs -= random.int(1, MINUTE_MS);
      return 'clock back a little';
    }
    if (roll < 0.98) {
      this.nowMs -= random.int(MINUTE_MS + 1, 3 * HOUR_MS);
      return 'clock fault';
    }
    if (roll < 0.985) return this.#toClockChange();
    this.nowMs += random.int(1, 5 * DAY_MS);
    return 'clock ahead by days';
  }

  /** To the end of an hour, or of a day somewhere: just before it, at it, or just after. */
  #toBorder(): string {
    const random = this.#random;
    const stepMs = random.pick([MINUTE_MS, HOUR_MS, HOUR_MS, DAY_MS]);
    const offsetMs = stepMs === DAY_MS ? random.pick([0, 1, -2, 4, 5, -5.5, -10.5, 3]) * HOUR_MS : 0;
    const borderMs = Math.ceil((this.nowMs + 1 - offsetMs) / stepMs) * stepMs + offsetMs;
    this.nowMs = Math.max(this.nowMs, borderMs + random.int(-1, 1));
    return 'clock to a border';
  }

  /** To the next hour at which Berlin or New York puts its clocks forward or back. */
  #toClockChange(): string {
    const year = new Date(this.nowMs).getUTCFullYear();
    const changes = [year, year + 1].flatMap((each) => [
      sunday(each, 2, 'last') + HOUR_MS,
      sunday(each, 9, 'last') + HOUR_MS,
      sunday(each, 2, 'second') + 7 * HOUR_MS,
      sunday(each, 10, 'first') + 6 * HOUR_MS,
    ]);
    const nextMs = Math.min(...changes.filter((changeMs) => changeMs > this.nowMs));
    this.nowMs = Math.max(this.nowMs, nextMs + this.#random.int(-1, 1) * this.#random.pick([1, HOUR_MS]));
    return 'clock to a change of summer time';
  }
}

function sunday(year: number, month: number, which: 'first' | 'second' | 'last'): number {
  const monthMs = Date.UTC(year, which === 'last' ? month + 1 : month, 1);
  const untilSunday = (7 - new Date(monthMs).getUTCDay()) % 7;
  if (which === 'last') return monthMs + (untilSunday === 0 ? -7 : untilSunday - 7) * DAY_MS;
  return monthMs + (untilSunday + (which === 'second' ? 7 : 0)) * DAY_MS;
}

export interface Gateway {
  readonly engine: WeirEngine;
  /** How far its own clock is ahead of the clock of decisions, ms; below 0 behind. */
  readonly own: { aheadMs: number };
  /** The same when it began, which is all that it goes by until it hears of Redis. */
  readonly bornAheadMs: number;
}

/** Several gateways, and what happens to their connections and clocks. */
export class Fleet {
  readonly #url: string;
  readonly #clock: VirtualClock;
  readonly #admin: RedisClient;
  readonly #gateways: Gateway[] = [];
  #resends = 0;

  constructor(url: string, admin: RedisClient, clock: VirtualClock) {
    this.#url = url;
    this.#admin = admin;
    this.#clock = clock;
  }

  /** The first one's clock is right. */
  async open(count: number, random: Random): Promise<void> {
    for (let index = 0; index < count; index++) {
      this.#gateways.push(await this.#create(index === 0 ? 0 : aheadMsOf(random)));
    }
  }

  get all(): readonly Gateway[] {
    return this.#gateways;
  }

  /** Calls that were sent again since their reply was lost. */
  get resends(): number {
    return this.#gateways.reduce((sum, { engine }) => sum + engine.counters.resends, this.#resends);
  }

  /** Cuts every gateway's connection: what is in flight is done or not, and nobody hears which. */
  async cut(): Promise<void> {
    await atMasters(this.#admin, async (master) => {
      const clients = String(await master.call('CLIENT', 'LIST')).split('\n');
      const ids = clients.flatMap((line) => /^id=(\d+) .*name=weir-engine /.exec(line)?.[1] ?? []);
      await Promise.all(ids.map((id) => master.call('CLIENT', 'KILL', 'ID', id)));
    });
  }

  async forgetFunctions(): Promise<void> {
    await atMasters(this.#admin, (master) => master.call('FUNCTION', 'FLUSH'));
  }

  /** A gateway goes, another one comes that knows nothing yet. */
  async replace(index: number, random: Random): Promise<void> {
    const [old] = this.#gateways.splice(index, 1, await this.#create(index === 0 ? 0 : aheadMsOf(random)));
    this.#resends += old?.engine.counters.resends ?? 0;
    await old?.engine.close();
  }

  /** A gateway's own clock is set, wrong or right, which must change nothing. */
  set(random: Random): void {
    random.pick(this.#gateways).own.aheadMs = aheadMsOf(random);
  }

  async close(): Promise<void> {
    await Promise.all(this.#gateways.splice(0).map(({ engine }) => engine.close()));
  }

  async #create(bornAheadMs: number): Promise<Gateway> {
    const own = { aheadMs: bornAheadMs };
    const engine = await createEngine({
      redis: this.#url,
      clockMs: () => this.#clock.nowMs,
      ownClockMs: () => this.#clock.nowMs + own.aheadMs,
      storeTimeoutMs: 30_000,
      storeFateMs: 30_000,
    });
    return { engine, own, bornAheadMs };
  }
}

function aheadMsOf(random: Random): number {
  const unitMs = random.pick([0, 1, 1_000, MINUTE_MS, HOUR_MS, DAY_MS]);
  return random.int(-40, 40) * unitMs;
}
