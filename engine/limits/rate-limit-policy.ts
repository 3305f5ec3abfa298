import { NO_POLICY, type RateLimitPolicy } from '../contract/decision.js';
import type { Rule } from './limit-set.js';
import { NEVER_MS } from './window.js';

/** Largest integer of a structured field (RFC 9651, section 3.3.1). */
const INTEGER_MAX = 999_999_999_999_999;

/**
 * The RateLimit-Policy field (draft-ietf-httpapi-ratelimit-headers-10, section 3): one item a limit, a structured-field
 * string with integer parameters, in the meter's smallest unit.
 *
 *   RateLimit-Policy: "monthly";q=1000000;w=2678400, "burst";q=20000;w=4
 *
 * `q` is what the limit holds; `w`, in seconds, the length of its window, for a bucket the time in which it fills up;
 * a lifetime and slots have none. A shadow limit denies nothing, so nobody should slow down for it: it is left out.
 */
export function policyOf(rules: readonly Rule[]): RateLimitPolicy {
  const shown = rules.filter((rule) => !rule.shadow);
  if (shown.length === 0) return NO_POLICY;
  const items = shown.map(({ name }) => ({ limit: name, quoted: quoted(name) }));
  const text = shown.map((rule, index) => `${items[index]?.quoted}${parametersOf(rule)}`).join(', ');
  return { text, items };
}

/** A structured-field string carries printable ASCII only; any other character of an id is percent-encoded. */
function quoted(id: string): string {
  const ascii = id.replace(/[^\x20-\x7e]+/gu, (part) => encodeURIComponent(part));
  return `"${ascii.replace(/["\\]/g, '\\$&')}"`;
}

function parametersOf(rule: Rule): string {
  switch (rule.kind) {
    case 'bucket':
      return `;q=${integer(rule.capacity)};w=${fillSeconds(rule.capacity, rule.amount, rule.everyMs)}`;
    case 'concurrency':
      return `;q=${integer(rule.slots)}`;
    case 'quota': {
      const [, startMs, endMs] = rule.boundaries;
      const seconds = Math.max(1, Math.round((endMs - startMs) / 1_000));
      return `;q=${integer(rule.included)}${endMs === NEVER_MS ? '' : `;w=${integer(seconds)}`}`;
    }
  }
}

/** Seconds in which an empty bucket fills up, rounded up; the product exceeds a double. */
function fillSeconds(capacity: number, amount: number, everyMs: number): number {
  const perSecond = BigInt(amount) * 1_000n;
  const seconds = (BigInt(capacity) * BigInt(everyMs) + perSecond - 1n) / perSecond;
  return integer(Math.max(1, Number(seconds)));
}

function integer(amount: number): number {
  return Math.min(amount, INTEGER_MAX);
}
