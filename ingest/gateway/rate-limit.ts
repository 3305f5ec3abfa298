import type { Decision, RateLimitPolicy } from '../../engine/index.js';
import { numberText } from './texts.js';

/**
 * The RateLimit fields of an answer (draft-ietf-httpapi-ratelimit-headers-10): lists of structured-field strings
 * (RFC 9651) with integer parameters, one item a limit, in the meter's smallest unit.
 *
 *   RateLimit-Policy: "monthly";q=100000;w=2592000, "burst";q=5000;w=5
 *   RateLimit: "monthly";r=99100;t=86400, "burst";r=4100
 *
 * The policy is the engine's (engine/limits/rate-limit-policy.ts): it changes with the limits, not with what is used.
 * `r` is what is left of a limit, `t` the seconds until its window ends.
 */

/** Largest integer of a structured field. */
const INTEGER_MAX = 999_999_999_999_999;

/** Seconds, rounded up, so that who waits them does not come too early. */
export function secondsUp(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1_000));
}

/** `RateLimit`; '' where there is nothing to tell, and then the field is left out. @param nowMs only for `t`, which tells, and decides nothing. */
export function stateField(policy: RateLimitPolicy, limits: Decision['limits'], nowMs: number): string {
  let text = '';
  for (const { limit, quoted } of policy.items) {
    const state = limits[limit];
    // An answer that is remembered of other limits lacks these.
    if (state === undefined) continue;
    text += `${text === '' ? '' : ', '}${quoted};r=${numberText(Math.min(state.remaining, INTEGER_MAX))}`;
    if (state.kind === 'quota' && state.resetAtMs !== null) text += `;t=${secondsUp(state.resetAtMs - nowMs)}`;
  }
  return text;
}

/** The fields of one decision by name, for answers that are not on the hot path. */
export function rateLimitHeaders(
  policy: RateLimitPolicy,
  { allowed, retryAfterMs, limits }: Decision,
  nowMs: number,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (policy.text !== '') {
    headers['ratelimit-policy'] = policy.text;
    const state = stateField(policy, limits, nowMs);
    if (state !== '') headers.ratelimit = state;
  }
  if (!allowed && retryAfterMs !== null && retryAfterMs > 0) headers['retry-after'] = String(secondsUp(retryAfterMs));
  return headers;
}
