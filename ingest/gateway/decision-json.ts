import {
  type CheckOutcome,
  type CheckRequest,
  type Decision,
  type ErrorCode,
  formatAmount,
  type LimitState,
  parseAmount,
  type QuotaState,
} from '../../engine/index.js';
import { type Failure, failureBody } from '../http/index.js';
import { cached, idText, instantText, jsonString, numberText } from './texts.js';

/**
 * Decisions as JSON text. Built by hand in the contract's field order, since it is the larger part of what a check
 * costs here: JSON.stringify of the same answer takes twice as long.
 */

/** An amount in an answer: a number, or a decimal string where the meter has a scale. */
export function amountText(amount: number | null, scale: number): string {
  if (amount === null) return 'null';
  return scale === 0 ? numberText(amount) : `"${formatAmount(amount, scale)}"`;
}

/** Holds open at once: counted, so no meter's scale touches them. */
interface SlotsState {
  readonly slots: number;
  readonly inUse: number;
  readonly remaining: number;
}

function slotsText({ slots, inUse, remaining }: SlotsState): string {
  return `{"kind":"concurrency","slots":${slots},"inUse":${inUse},"remaining":${remaining}}`;
}

function quotaText(state: QuotaState, scale: number): string {
  const { reserved, overage, headroom } = state;
  const remaining = amountText(state.remaining, scale);
  const idle = reserved === 0 && overage === 0 && scale === 0;
  return (
    `{"kind":"quota","included":${amountText(state.included, scale)},"used":${amountText(state.used, scale)}` +
    (idle
      ? ',"reserved":0,"overage":0,"remaining":'
      : `,"reserved":${amountText(reserved, scale)},"overage":${amountText(overage, scale)},"remaining":`) +
    `${remaining},"headroom":${headroom === state.remaining ? remaining : amountText(headroom, scale)}` +
    `,"resetAt":${instantText(state.resetAtMs)}}`
  );
}

/** One limit's state, as in a check and in `/v1/customers/{id}/usage`. */
export function limitText(state: LimitState, scale: number): string {
  switch (state.kind) {
    case 'quota':
      return quotaText(state, scale);
    case 'bucket':
      return `{"kind":"bucket","capacity":${amountText(state.capacity, scale)},"remaining":${amountText(state.remaining, scale)}}`;
    default:
      return slotsText(state);
  }
}

/** The limits of one feature: `{"monthly":{…},"burst":{…}}`. */
export function limitsText(limits: Readonly<Record<string, LimitState>>, scale: number): string {
  let text = '';
  for (const id in limits) {
    const state = limits[id];
    if (state === undefined) continue;
    text += `${text === '' ? '{' : ','}${idText(id)}:${limitText(state, scale)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

function idsText(ids: readonly string[]): string {
  if (ids.length === 0) return '[]';
  let text = '';
  for (const id of ids) text += `${text === '' ? '[' : ','}${idText(id)}`;
  return `${text}]`;
}

export function warningsText(decision: Decision): string {
  if (decision.crossed.length === 0) return '[]';
  const warnings = decision.crossed.map(
    ({ limit, threshold }) => `{"limit":${idText(limit)},"threshold":${threshold}}`,
  );
  return `[${warnings.join(',')}]`;
}

/** The middle of an answer that has nothing to tell: nearly all of them. */
const QUIET = ',"retryAfterMs":0,"deniedBy":[],"warnings":[],"replayed":false,"degraded":false,"version":';

function isQuiet(decision: Decision): boolean {
  return (
    decision.retryAfterMs === 0 &&
    decision.deniedBy.length === 0 &&
    decision.shadowDeniedBy.length === 0 &&
    decision.crossed.length === 0 &&
    !decision.replayed &&
    !decision.degraded
  );
}

function middleText(decision: Decision): string {
  if (isQuiet(decision)) return QUIET;
  return (
    `,"retryAfterMs":${decision.retryAfterMs},"deniedBy":${idsText(decision.deniedBy)}` +
    (decision.shadowDeniedBy.length === 0 ? '' : `,"shadowDeniedBy":${idsText(decision.shadowDeniedBy)}`) +
    `,"warnings":${warningsText(decision)},"replayed":${decision.replayed},"degraded":${decision.degraded},"version":`
  );
}

/** An amount as it was sent, in its plainest form. */
export function askedText(amount: number | string, scale: number): string {
  return amountText(scale === 0 && typeof amount === 'number' ? amount : parseAmount(amount, scale), scale);
}

const featureText = cached((feature: string) => `,"feature":${jsonString(feature)},"amount":`);

/** What was asked, as its answer repeats it. */
type Asked = Pick<CheckRequest, 'customer' | 'feature' | 'amount'>;

/** The answer to one check (api.md, `POST /v1/check`). */
export function decisionText(request: Asked, decision: Decision, scale: number): string {
  return `${openDecisionText(request, decision, scale)}}`;
}

/** The same, to which more may be added: it lacks the last brace. */
export function openDecisionText(request: Asked, decision: Decision, scale: number): string {
  const head =
    decision.reason === 'ok'
      ? '{"allowed":true,"reason":"ok","customer":'
      : `{"allowed":${decision.allowed},"reason":"${decision.reason}","customer":`;
  return (
    `${head}${jsonString(request.customer)}${featureText(request.feature)}${askedText(request.amount, scale)}` +
    `,"remaining":${amountText(decision.remaining, scale)},"resetAt":${instantText(decision.resetAtMs)}` +
    middleText(decision) +
    decision.version +
    (decision.value === undefined ? '' : `,"value":${JSON.stringify(decision.value)}`) +
    `,"limits":${limitsText(decision.limits, scale)}`
  );
}

type FailedCheck = Extract<CheckOutcome, { status: 'failed' }>;

const FIELDS: Partial<Record<ErrorCode, string>> = {
  invalid_amount: 'amount',
  id_conflict: 'id',
  unknown_entity: 'entity',
};

/** What the engine refused, with the field it stands in. @param at path of the check in its request, such as `checks[3].`. */
export function failureOf({ code, message }: FailedCheck, at = ''): Failure {
  const field = FIELDS[code];
  return field === undefined ? { code, message } : { code, message, field: `${at}${field}` };
}

/** One item of a batch's `results`. */
export function outcomeText(request: CheckRequest, outcome: CheckOutcome, index: number): string {
  return outcome.status === 'decided'
    ? decisionText(request, outcome.decision, outcome.scale)
    : JSON.stringify(failureBody(failureOf(outcome, `checks[${index}].`)));
}
