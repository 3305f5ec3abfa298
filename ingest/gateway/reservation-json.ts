import type { Decision, ReservationAnswer } from '../../engine/index.js';
import { amountText, askedText, limitsText, openDecisionText, warningsText } from './decision-json.js';
import { cached, idText, jsonString, resetField } from './texts.js';

/** Answers about holds as JSON text, in the shapes of a check's. */

/** A hold by its address. */
interface Hold {
  readonly id: string;
  readonly customer: string;
}

/** An instant to its second, as far as the milliseconds. */
const secondText = cached((second: number) => new Date(second * 1_000).toISOString().slice(0, -'000Z'.length));

/** When a hold expires: a time of its own, of which answers share the second only. */
export function expiryText(ms: number): string {
  const second = Math.floor(ms / 1_000);
  return `"${secondText(second)}${String(ms - second * 1_000).padStart(3, '0')}Z"`;
}

/** The answer to `POST /v1/reservations`: the decision, and the hold where there is one. */
export function reservedText(
  request: Hold & { readonly feature: string; readonly amount: number | string },
  { decision, scale, expiresAtMs }: ReservationAnswer,
): string {
  const text = openDecisionText(request, decision, scale);
  if (!decision.allowed) return `${text}}`;
  const hold = `"id":${jsonString(request.id)},"amount":${askedText(request.amount, scale)}`;
  return `${text},"reservation":{${hold},"expiresAt":${expiryText(expiresAtMs)}}}`;
}

/** The answer to a commit. */
export function committedText(hold: Hold, amount: number | string, answer: ReservationAnswer): string {
  const { late, overrun, scale } = answer;
  return (
    `{"status":"committed",${holdText(hold, answer)},"late":${late},"overrun":${overrun}` +
    `,"amount":${askedText(amount, scale)}${stateText(answer.decision, scale)}`
  );
}

/** The answer to a release. */
export function releasedText(hold: Hold, answer: ReservationAnswer): string {
  return `{"status":"released",${holdText(hold, answer)}${stateText(answer.decision, answer.scale)}`;
}

/** The answer to a heartbeat. */
export function heldText(hold: Hold, answer: ReservationAnswer): string {
  return (
    `{"status":"held",${holdText(hold, answer)},"expiresAt":${expiryText(answer.expiresAtMs)}` +
    stateText(answer.decision, answer.scale)
  );
}

function holdText({ id, customer }: Hold, { feature, decision }: ReservationAnswer): string {
  return (
    `"id":${jsonString(id)},"replayed":${decision.replayed}` +
    `,"customer":${jsonString(customer)},"feature":${idText(feature)}`
  );
}

/** What is left now, to the end of the answer. */
function stateText(decision: Decision, scale: number): string {
  return (
    `,"remaining":${amountText(decision.remaining, scale)}${resetField(decision.resetAtMs)}` +
    `,"warnings":${warningsText(decision)},"limits":${limitsText(decision.limits, scale)},"version":${decision.version}}`
  );
}
