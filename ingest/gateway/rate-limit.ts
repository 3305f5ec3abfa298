import type { Decision, LimitState } from '../../engine/index.js';
import { cached } from './texts.js';

/**
 * The RateLimit-Policy and RateLimit fields (draft-ietf-httpapi-ratelimit-headers-10): lists of structured-field
 * strings (RFC 9651) with integer parameters, one item a limit, in the meter's smallest unit.
 *
 *   RateLimit-Policy: "monthly";q=100000, "burst";q=5000
 *   RateLimit: "monthly";r=99100;t=86400, "burst";r=4100
 *
 * `q` is what a limit holds, `r` what is left of it, `t` the seconds until its window ends.
 */

type Limits = Readonly<Record<string, LimitState>>;

/** Largest integer of a structured field. */
const INTEGER_MAX = 999_999_999_999_999;

/** A structured-field string carries printable ASCII only; any other character of an id is percent-encoded. */
const quotedId = cached((id: string) => {
  const ascii = id.replace(/[^\x20-\x7e]+/gu, (part) => encodeURIComponent(part));
  return `"${ascii.replace(/["\\]/g, '\\$&')}"`;
});

function integer(amount: number): number {
  return Math.min(amount, INTEGER_MAX);
}

/** Seconds, rounded up, so that who waits them does not come too early. */
export function secondsUp(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1_000));
}

function slotsOf(state: { readonly slots: number }): number {
  return state.slots;
}

/** What a limit holds: the `q` of its policy. */
function quota(state: LimitState): number {
  switch (state.kind) {
    case 'quota':
      return integer(state.included);
    case 'bucket':
      return integer(state.capacity);
    default:
      return integer(slotsOf(state));
  }
}

/** A policy made before, and what it was made of. */
interface MadePolicy {
  readonly ids: readonly string[];
  readonly quotas: readonly number[];
  readonly text: string;
}

const made = new Map<string, MadePolicy>();
const MADE_MAX = 4_096;

function makePolicy(limits: Limits): MadePolicy {
  const ids = Object.keys(limits);
  const quotas = Object.values(limits).map(quota);
  return { ids, quotas, text: ids.map((id, index) => `${quotedId(id)};q=${quotas[index]}`).join(', ') };
}

function isMadeOf(policy: MadePolicy, limits: Limits): boolean {
  let index = 0;
  for (const id in limits) {
    const state = limits[id];
    if (id !== policy.ids[index] || state === undefined || quota(state) !== policy.quotas[index]) return false;
    index += 1;
  }
  return index === policy.ids.length;
}

/** `RateLimit-Policy`; '' where there are no limits. The last one of a feature is kept: its customers mostly share it. */
export function policyField(feature: string, limits: Limits): string {
  const before = made.get(feature);
  if (before !== undefined && isMadeOf(before, limits)) return before.text;
  const policy = makePolicy(limits);
  if (made.size >= MADE_MAX) made.clear();
  made.set(feature, policy);
  return policy.text;
}

/** `RateLimit`; '' where there are no limits. @param nowMs only for `t`, which tells, and decides nothing. */
export function stateField(limits: Limits, nowMs: number): string {
  let text = '';
  for (const id in limits) {
    const state = limits[id];
    if (state === undefined) continue;
    text += `${text === '' ? '' : ', '}${quotedId(id)};r=${integer(state.remaining)}`;
    if (state.kind === 'quota' && state.resetAtMs !== null) text += `;t=${secondsUp(state.resetAtMs - nowMs)}`;
  }
  return text;
}

/** The fields of one decision by name, for answers that are not on the hot path. */
export function rateLimitHeaders(feature: string, decision: Decision, nowMs: number): Record<string, string> {
  const headers: Record<string, string> = {};
  const policy = policyField(feature, decision.limits);
  if (policy !== '') {
    headers['ratelimit-policy'] = policy;
    headers.ratelimit = stateField(decision.limits, nowMs);
  }
  const { retryAfterMs } = decision;
  if (!decision.allowed && retryAfterMs !== null && retryAfterMs > 0)
    headers['retry-after'] = String(secondsUp(retryAfterMs));
  return headers;
}
