import {
  type BucketState,
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
import { cached, idText, jsonContent, jsonString, numberText, resetField } from './texts.js';

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

const quotaStart = cached((included: string) => `{"kind":"quota","included":${included},"used":`);
const plainQuotaStart = cached((included: number) => quotaStart(numberText(included)));
const plainBucketStart = cached((capacity: number) => `{"kind":"bucket","capacity":${capacity},"remaining":`);

function quotaText(state: QuotaState, scale: number): string {
  const { included, reserved, overage, headroom } = state;
  const remaining = amountText(state.remaining, scale);
  const idle = reserved === 0 && overage === 0 && scale === 0;
  return (
    (scale === 0 ? plainQuotaStart(included) : quotaStart(amountText(included, scale))) +
    amountText(state.used, scale) +
    (idle
      ? ',"reserved":0,"overage":0,"remaining":'
      : `,"reserved":${amountText(reserved, scale)},"overage":${amountText(overage, scale)},"remaining":`) +
    `${remaining},"headroom":${headroom === state.remaining ? remaining : amountText(headroom, scale)}${resetField(state.resetAtMs)}}`
  );
}

function bucketText({ capacity, remaining }: BucketState, scale: number): string {
  return scale === 0
    ? `${plainBucketStart(capacity)}${numberText(remaining)}}`
    : `{"kind":"bucket","capacity":${amountText(capacity, scale)},"remaining":${amountText(remaining, scale)}}`;
}

/** One limit's state, as in a check and in `/v1/customers/{id}/usage`. */
export function limitText(state: LimitState, scale: number): string {
  switch (state.kind) {
    case 'quota':
      return quotaText(state, scale);
    case 'bucket':
      return bucketText(state, scale);
    default:
      return slotsText(state);
  }
}

const firstKey = cached((id: string) => `{${jsonString(id)}:`);
const nextKey = cached((id: string) => `,${jsonString(id)}:`);

/** The limits of one feature: `{"monthly":{…},"burst":{…}}`. */
export function limitsText(limits: Readonly<Record<string, LimitState>>, scale: number): string {
  let text = '';
  for (const id in limits) {
    const state = limits[id];
    if (state === undefined) continue;
    text += (text === '' ? firstKey(id) : nextKey(id)) + limitText(state, scale);
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
const quietField = cached((resetAtMs: number | null) => resetField(resetAtMs) + QUIET);
const versionField = cached((version: number) => `${version},"limits":`);

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

/** From when the limit that is left least of is reset, to the version. */
function middleText(decision: Decision): string {
  if (isQuiet(decision)) return quietField(decision.resetAtMs);
  return (
    `${resetField(decision.resetAtMs)},"retryAfterMs":${decision.retryAfterMs},"deniedBy":${idsText(decision.deniedBy)}` +
    (decision.shadowDeniedBy.length === 0 ? '' : `,"shadowDeniedBy":${idsText(decision.shadowDeniedBy)}`) +
    `,"warnings":${warningsText(decision)},"replayed":${decision.replayed},"degraded":${decision.degraded},"version":`
  );
}

/** An amount as it was sent, in its plainest form. */
export function askedText(amount: number | string, scale: number): string {
  return amountText(scale === 0 && typeof amount === 'number' ? amount : parseAmount(amount, scale), scale);
}

const OK_START = '{"allowed":true,"reason":"ok","customer":"';
const featureField = cached((feature: string) => `","feature":${jsonString(feature)},"amount":`);

/** What was asked, as its answer repeats it. */
type Asked = Pick<CheckRequest, 'customer' | 'feature' | 'amount'>;

/** The answer to one check (api.md, `POST /v1/check`). */
export function decisionText(request: Asked, decision: Decision, scale: number): string {
  return `${openDecisionText(request, decision, scale)}}`;
}

/** The same, to which more may be added: it lacks the last brace. */
export function openDecisionText(request: Asked, decision: Decision, scale: number): string {
  const { allowed, reason, remaining, version, value } = decision;
  return (
    (reason === 'ok' ? OK_START : `{"allowed":${allowed},"reason":"${reason}","customer":"`) +
    jsonContent(request.customer) +
    `${featureField(request.feature)}${askedText(request.amount, scale)},"remaining":${amountText(remaining, scale)}` +
    middleText(decision) +
    (value === undefined ? versionField(version) : `${version},"value":${JSON.stringify(value)},"limits":`) +
    limitsText(decision.limits, scale)
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
