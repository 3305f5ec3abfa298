import type { Answer, Operation } from '../store/operation.js';

/** What a shard's outbox has room for; kept by the watch, read by the lane before it takes or sends anything. */
export interface OutboxRoom {
  /** Past its bound: what would write facts is refused. */
  isFull: boolean;
  /** Nearly full: denials leave no line. They are the first to go, since usage must not be lost for them. */
  dropsDenials: boolean;
}

/**
 * New work that a fact follows: checks, records, voids, and holds, whose commit is a fact to come. What settles a hold
 * passes, as it is bounded by the holds that are open; peeks and heartbeats write nothing.
 */
export function isRefusedByFullOutbox({ operations }: { readonly operations: readonly Operation[] }): boolean {
  return operations.some(({ kind }) => kind === 'check' || kind === 'record' || kind === 'reserve' || kind === 'void');
}

/** Denials among answers that would have left a line. */
export function deniedOf(operations: readonly Operation[], answers: readonly Answer[]): number {
  let denied = 0;
  answers.forEach(({ status }, index) => {
    if ((status === 'denied' || status === 'gated') && operations[index]?.kind !== 'peek') denied++;
  });
  return denied;
}
