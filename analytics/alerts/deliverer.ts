import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../engine/platform/log.js';
import type { Backoff } from './backoff.js';
import { attempted, type Delivery, givenUp, restarted } from './delivery.js';
import type { DeliveryStore, StoredDelivery } from './delivery-store.js';
import type { AlertMetrics } from './metrics.js';
import type { AttemptOutcome } from './post.js';
import type { Target } from './target.js';

/** Attempts to one target at a time: a slow one delays its own deliveries only. */
const CONCURRENT_MAX = 8;
/** Deliveries that one target may owe; further ones are dead at once, and can be put through again. */
const TARGET_PENDING_MAX = 10_000;
/** Over all targets; past it alerts wait in their stream. */
export const PENDING_MAX = 50_000;
/** A delivery that is over is known so long, so that the alert that made it makes it only once. */
const KNOWN_MS = 60_000;
/** What a stop waits for attempts: a process has some seconds for all that it stops. */
const STOP_MS = 2_000;
/** After a failure to write a state down. */
const AGAIN_MS = 1_000;

export interface DelivererOptions {
  readonly store: Pick<DeliveryStore, 'write' | 'read' | 'remove' | 'all'>;
  /** The log of attempts; resolves once ClickHouse has the line. */
  readonly log: (delivery: Delivery) => Promise<void>;
  readonly target: (id: string) => Target | undefined;
  readonly send: (target: Target, delivery: Delivery) => Promise<AttemptOutcome>;
  readonly backoff: Backoff;
  readonly metrics: Pick<AlertMetrics, 'deliveries' | 'attemptSeconds' | 'latencySeconds'>;
  readonly logger: Pick<Logger, 'warn'>;
  readonly signal: AbortSignal;
}

interface TargetQueue {
  readonly due: StoredDelivery[];
  running: number;
  pending: number;
}

/**
 * Sends deliveries, each until it is delivered or a day has passed. The steps, and what is left when the process dies:
 *
 *  1 write    the delivery, as pending → before: the alert was not acknowledged, and makes it again
 *  2 send     → the answer is lost: sent again after the restart, under the same id
 *  3 write    what became of it, and when the next attempt is → before: as 2
 *  4 log      the line in ClickHouse → before: logged after the restart, from the state
 *  5 remove   a while after it is over → before: removed after the restart
 *
 * So a receiver hears of an alert at least once, and knows a repetition by its id.
 */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #queues = new Map<string, TargetQueue>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #pending = new Map<string, Delivery>();
  /** Being written for the first time. */
  readonly #adding = new Set<string>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /** Deliveries that are not over. */
  get pending(): number {
    return this.#pending.size;
  }

  /** When the oldest of them was made, ms since 1970; undefined when there is none. */
  get oldestMs(): number | undefined {
    const [oldest] = this.#pending.values();
    return oldest?.createdMs;
  }

  /** Goes on where an earlier process stopped. */
  async resume(): Promise<void> {
    for await (const stored of this.#options.store.all()) {
      if (stored.delivery.state === 'pending') this.#schedule(stored);
      else this.#track(this.#finish(stored));
    }
  }

  /** Takes a delivery; one that is known already stays as it is. @throws NatsError: then nobody knows, and it is to be added again. */
  async add(delivery: Delivery): Promise<void> {
    const { id, target } = delivery;
    if (this.#pending.has(id) || this.#adding.has(id)) return;
    this.#adding.add(id);
    try {
      const full = (this.#queues.get(target)?.pending ?? 0) >= TARGET_PENDING_MAX;
      const taken = full ? givenUp(delivery, 'too many deliveries wait for this target', Date.now()) : delivery;
      // Where it exists, its first answer may have been lost: then nobody looks after it yet.
      const stored = (await this.#options.store.write(taken, 0)) ?? (await this.#options.store.read(id));
      if (stored?.delivery.state === 'pending') {
        this.#schedule(stored);
        this.#track(this.#options.log(stored.delivery));
      } else if (stored?.delivery.updatedMs === taken.updatedMs) this.#track(this.#finish(stored));
    } finally {
      this.#adding.delete(id);
    }
  }

  /**
   * Puts a delivery through again, whatever became of it; one that is under way stays as it is.
   * @param past as the log has it, where the store has forgotten it.
   * @returns undefined where there is none. @throws NatsError
   */
  async replay(id: string, past: Delivery | undefined): Promise<Delivery | undefined> {
    const under = this.#pending.get(id);
    if (under !== undefined) return under;
    const known = await this.#options.store.read(id);
    const before = known?.delivery ?? past;
    if (before === undefined) return undefined;
    const stored =
      known?.delivery.state === 'pending'
        ? known
        : await this.#options.store.write(restarted(before, Date.now()), known?.sequence ?? 0);
    // Another replay was first.
    if (stored === null || this.#pending.has(id)) return this.#pending.get(id) ?? before;
    this.#schedule(stored);
    return stored.delivery;
  }

  /**
   * Lets attempts under way end for a moment; what waits goes on with the next process. An attempt that takes longer is
   * made again by it, since nobody wrote down what became of it.
   */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.race([Promise.all(this.#running), delay(STOP_MS, undefined, { ref: false })]);
  }

  #queueOf(target: string): TargetQueue {
    const known = this.#queues.get(target);
    if (known !== undefined) return known;
    const queue: TargetQueue = { due: [], running: 0, pending: 0 };
    this.#queues.set(target, queue);
    return queue;
  }

  #schedule(stored: StoredDelivery): void {
    const { delivery } = stored;
    const queue = this.#queueOf(delivery.target);
    if (!this.#pending.has(delivery.id)) queue.pending += 1;
    this.#pending.set(delivery.id, delivery);
    this.#after((delivery.nextMs ?? 0) - Date.now(), () => {
      queue.due.push(stored);
      this.#pump(queue);
    });
  }

  #after(ms: number, work: () => void): void {
    if (this.#options.signal.aborted) return;
    if (ms <= 0) {
      work();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }

  #pump(queue: TargetQueue): void {
    while (queue.running < CONCURRENT_MAX && !this.#options.signal.aborted) {
      const next = queue.due.shift();
      if (next === undefined) return;
      queue.running += 1;
      this.#track(
        this.#attempt(next).finally(() => {
          queue.running -= 1;
          this.#pump(queue);
        }),
      );
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) =>
        this.#options.logger.warn({ error }, 'the state of a delivery could not be kept or logged'),
      )
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #attempt(stored: StoredDelivery): Promise<void> {
    const { metrics, backoff, send, target } = this.#options;
    const { delivery } = stored;
    const to = target(delivery.target);
    if (to === undefined) {
      await this.#settle(stored, givenUp(delivery, 'the target was deleted', Date.now()));
      return;
    }
    const outcome = await send(to, delivery);
    const after = attempted(delivery, outcome, backoff, Date.now());
    metrics.attemptSeconds.observe(outcome.ms / 1_000);
    metrics.deliveries.inc({ kind: to.destination.kind, outcome: after.state === 'pending' ? 'retried' : after.state });
    if (outcome.delivered) metrics.latencySeconds.observe((after.updatedMs - Date.parse(delivery.alert.at)) / 1_000);
    await this.#settle(stored, after);
  }

  /** Steps 3 to 5. A state that cannot be written now is written later: until then the attempt would be made again. */
  async #settle(before: StoredDelivery, after: Delivery): Promise<void> {
    let stored: StoredDelivery | null;
    try {
      stored = await this.#options.store.write(after, before.sequence);
    } catch (error) {
      this.#options.logger.warn({ error, delivery: after.id }, 'the state of a delivery could not be written: again');
      this.#after(AGAIN_MS, () => this.#track(this.#settle(before, after)));
      return;
    }
    // Somebody else goes on with it, or the answer to this very state was lost.
    stored ??= (await this.#options.store.read(after.id)) ?? null;
    if (stored?.delivery.updatedMs !== after.updatedMs || stored.delivery.attempts !== after.attempts) {
      this.#forget(after);
      return;
    }
    if (after.state === 'pending') {
      this.#schedule(stored);
      this.#track(this.#options.log(after));
      return;
    }
    this.#forget(after);
    // ClickHouse is not waited for: the next delivery takes the place of this one.
    this.#track(this.#finish(stored));
  }

  #forget({ id, target }: Delivery): void {
    if (this.#pending.delete(id)) this.#queueOf(target).pending -= 1;
  }

  async #finish(stored: StoredDelivery): Promise<void> {
    await this.#options.log(stored.delivery);
    const knownMs = stored.delivery.updatedMs + KNOWN_MS - Date.now();
    this.#after(knownMs, () => this.#track(this.#options.store.remove(stored)));
  }
}
