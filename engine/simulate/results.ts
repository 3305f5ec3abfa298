import type { Result } from '../oracle/reply.js';
import { spell } from './spell.js';

/** What auditors and histories look at in an answer. */

export function isReplay(result: Result): boolean {
  if (result.kind === 'event') return result.status === 'duplicate';
  if (result.kind === 'voided') return result.replayed;
  return result.kind === 'decided' && result.decision.replayed;
}

export function isDenial(result: Result): result is Extract<Result, { kind: 'decided' }> {
  return result.kind === 'decided' && !result.decision.allowed;
}

export function verdict(result: Result): object {
  if (result.kind !== 'decided') return result;
  const { decision, ...rest } = result;
  const { allowed, replayed } = decision;
  return { ...rest, allowed, replayed, undone: isUndone(result) };
}

/** Denied with its batch: whether it shows limits, and as of when, is nobody's promise. */
export function isUndone(result: Result): boolean {
  return result.kind === 'decided' && result.decision.reason === 'batch_denied';
}

export function summary(result: Result): string {
  switch (result.kind) {
    case 'error':
      return result.code;
    case 'event':
      return result.status;
    case 'voided':
      return `voided${result.replayed ? ' replayed' : ''} ${spell(result.after)}`;
    case 'decided': {
      const { reason, replayed, deniedBy, limits } = result.decision;
      return `${reason}${replayed ? ' replayed' : ''} ${deniedBy.join()} ${spell(limits)}`;
    }
  }
}
