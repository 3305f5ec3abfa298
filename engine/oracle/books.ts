import { ID_RETENTION_MS } from '../contract/constants.js';
import type { Hold } from './hold.js';
import type { LimitState } from './limit-state.js';
import type { Result } from './reply.js';

/** An answer given under an id, with the body that got it. */
export interface Remembered {
  readonly body: string;
  readonly result: Result;
  readonly atMs: number;
  /** Which limits it speaks of. */
  readonly shape: string;
}

export interface Reservation {
  /** The reserve itself; repeated as long as the reservation is remembered. */
  readonly reserved: Remembered;
  readonly feature: string;
  readonly entity: string | undefined;
  readonly amount: bigint;
  readonly heldAtMs: number;
  readonly expiresAtMs: number;
  readonly holds: readonly Hold[];
  /** False once the hold was given back: by the end of the reservation, or by its expiry. */
  readonly isHeld: boolean;
  readonly finished: (Remembered & { readonly op: 'commit' | 'release' }) | null;
}

/** A reservation is remembered for the retention from its end: a commit, a release, or its expiry. */
export function isForgotten({ finished, expiresAtMs }: Reservation, atMs: number): boolean {
  return atMs - (finished?.atMs ?? expiresAtMs) >= ID_RETENTION_MS;
}

export const isOver = (known: Remembered, atMs: number): boolean => atMs - known.atMs >= ID_RETENTION_MS;

/** A map whose changes stand in a layer of their own until they are merged or dropped. */
export class Layer<V> {
  readonly #below: Layer<V> | null;
  readonly #own = new Map<string, V | undefined>();

  constructor(below: Layer<V> | null = null) {
    this.#below = below;
  }

  get(key: string): V | undefined {
    return this.#own.has(key) ? this.#own.get(key) : this.#below?.get(key);
  }

  set(key: string, value: V | undefined): void {
    // The lowest layer keeps nothing for what is gone; taken out first, so that its order is that of the last writes.
    this.#own.delete(key);
    if (value !== undefined || this.#below !== null) this.#own.set(key, value);
  }

  keys(): string[] {
    const keys = new Set(this.#below?.keys() ?? []);
    for (const [key, value] of this.#own) {
      if (value === undefined) keys.delete(key);
      else keys.add(key);
    }
    return [...keys];
  }

  merge(): void {
    for (const [key, value] of this.#own) this.#below?.set(key, value);
  }

  /** Drops the entries written first while `isDue`, so that long histories stay small. */
  prune(isDue: (value: V) => boolean): void {
    for (const [key, value] of this.#own) {
      if (value !== undefined && !isDue(value)) return;
      this.#own.delete(key);
    }
  }
}

/** All that is known of one customer. */
export class Books {
  /** Latest clock of an operation that wrote. */
  latestMs: number | null = null;
  readonly states: Layer<LimitState>;
  readonly reservations: Layer<Reservation>;
  /** Ids of reservations whose hold was not given back yet. */
  readonly open: Layer<true>;
  /** Checks and records under their id, events under source and id, each in a space of its own. */
  readonly ids: Layer<Remembered>;
  readonly #below: Books | null;

  constructor(below: Books | null = null) {
    this.#below = below;
    this.latestMs = below?.latestMs ?? null;
    this.states = new Layer(below?.states);
    this.reservations = new Layer(below?.reservations);
    this.open = new Layer(below?.open);
    this.ids = new Layer(below?.ids);
  }

  /** Books on top of these: what is written there is not here before `merge`. */
  fork(): Books {
    return new Books(this);
  }

  merge(): void {
    if (this.#below !== null) this.#below.latestMs = this.latestMs;
    this.states.merge();
    this.reservations.merge();
    this.open.merge();
    this.ids.merge();
  }

  /** Forgets what no clock that was set back by less than the retention can ask for. */
  prune(atMs: number): void {
    const dueMs = atMs - ID_RETENTION_MS;
    this.ids.prune((known) => isOver(known, dueMs));
    this.reservations.prune((reservation) => !reservation.isHeld && isForgotten(reservation, dueMs));
  }
}
