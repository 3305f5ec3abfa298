import { ID_RETENTION_MS } from '../contract/constants.js';
import type { Hold } from './limit-state.js';
import type { Answer } from './vectors.js';

/** What the model remembers of operations that were admitted: answers under their ids, and reservations. */

/** An answer given under an id, with the body that got it. */
interface Remembered {
  readonly body: string;
  readonly answer: Answer;
  readonly atMs: number;
}

export interface Reservation {
  /** The reserve itself; repeated as long as the reservation is remembered. */
  readonly reserved: Remembered;
  readonly amount: bigint;
  readonly expiresAtMs: number;
  readonly holds: readonly Hold[];
  /** False once the hold was given back: by the end of the reservation, or by its expiry. */
  readonly isHeld: boolean;
  readonly finished: (Remembered & { readonly op: 'commit' | 'release' }) | null;
}

export function remember(body: object, answer: Answer, atMs: number): Remembered {
  return { body: spell(body), answer, atMs };
}

/** One spelling of a flat body, whatever the order of its keys. */
function spell(body: object): string {
  return JSON.stringify(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The first answer again, or null when the body is another one. */
export function replay(known: Remembered, body: object): Answer | null {
  return known.body === spell(body) ? { ...known.answer, replayed: true } : null;
}

/** A reservation is remembered for the retention from its end: a commit, a release, or its expiry. */
export function isForgotten({ finished, expiresAtMs }: Reservation, atMs: number): boolean {
  return atMs - (finished?.atMs ?? expiresAtMs) >= ID_RETENTION_MS;
}

/** Ids of checks and records. */
export class IdMemory {
  readonly #byId = new Map<string, Remembered>();

  recall(id: string, atMs: number): Remembered | undefined {
    const known = this.#byId.get(id);
    return known === undefined || isOver(known, atMs) ? undefined : known;
  }

  /** Remembers an id, and forgets the oldest ones that are over, so that long histories stay small. */
  keep(id: string, remembered: Remembered): void {
    this.#byId.delete(id);
    this.#byId.set(id, remembered);
    for (const [oldest, known] of this.#byId) {
      if (!isOver(known, remembered.atMs)) break;
      this.#byId.delete(oldest);
    }
  }
}

function isOver(known: Remembered, atMs: number): boolean {
  return atMs - known.atMs >= ID_RETENTION_MS;
}
