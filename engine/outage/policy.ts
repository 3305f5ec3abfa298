import { ALLOWANCES_MAX } from '../contract/constants.js';
import type { Rule } from '../limits/limit-set.js';

/** What the limits of an operation say while Redis cannot be reached (docs/semantics.md, onUnavailable). */
export interface Verdict {
  readonly allowed: boolean;
  readonly deniedBy: readonly string[];
  readonly shadowDeniedBy: readonly string[];
  /** The least that the limits' `allowUpTo` leave after this; null where none counts; 0 where one denies everything. */
  readonly remaining: number | null;
}

/** What an operation took of its limits' `allowUpTo`. */
export interface Taken {
  readonly keys: readonly string[];
  readonly amount: number;
}

/** Whose limits are asked, and for how much. */
export interface PolicyQuestion {
  readonly customer: string;
  readonly feature: string;
  readonly rules: readonly Rule[];
  readonly amount: number;
}

/**
 * What each limit with `allowUpTo` has admitted here in this outage: per limit, customer and gateway. It is an account
 * of its own, beside the counters in Redis, which nobody can see now.
 */
export class Allowances {
  readonly #taken = new Map<string, number>();

  get size(): number {
    return this.#taken.size;
  }

  /** Decides without taking anything. All limits must allow; a shadow limit only says what it would have said. */
  judge({ customer, feature, rules, amount }: PolicyQuestion): Verdict {
    const deniedBy: string[] = [];
    const shadowDeniedBy: string[] = [];
    let remaining: number | null = null;
    for (const rule of rules) {
      const left = this.#leftOf(rule, keyOf(customer, feature, rule));
      const denies = left !== null && (amount > left || rule.onUnavailable === 'deny');
      if (denies) (rule.shadow ? shadowDeniedBy : deniedBy).push(rule.name);
      if (!rule.shadow && left !== null && (remaining === null || left < remaining)) remaining = left;
    }
    const allowed = deniedBy.length === 0;
    return {
      allowed,
      deniedBy,
      shadowDeniedBy,
      remaining: remaining === null || !allowed ? remaining : remaining - amount,
    };
  }

  /** Counts what was admitted: each limit what it would have admitted alone. @returns what `giveBack` undoes. */
  take({ customer, feature, rules, amount }: PolicyQuestion): Taken {
    const keys: string[] = [];
    for (const rule of rules) {
      if (typeof rule.onUnavailable !== 'object' || amount === 0) continue;
      const key = keyOf(customer, feature, rule);
      const taken = this.#taken.get(key) ?? 0;
      if (amount > rule.onUnavailable.allowUpTo - taken) continue;
      this.#taken.set(key, taken + amount);
      keys.push(key);
    }
    return { keys, amount };
  }

  /** Undoes a `take` whose operation could not be kept. */
  giveBack({ keys, amount }: Taken): void {
    for (const key of keys) {
      const taken = (this.#taken.get(key) ?? 0) - amount;
      if (taken > 0) this.#taken.set(key, taken);
      else this.#taken.delete(key);
    }
  }

  /** The outage is over, and what was admitted in it has been charged. */
  clear(): void {
    this.#taken.clear();
  }

  /** null: no count. */
  #leftOf({ onUnavailable }: Rule, key: string): number | null {
    if (onUnavailable === 'allow') return null;
    if (onUnavailable === 'deny') return 0;
    const taken = this.#taken.get(key);
    if (taken === undefined && this.#taken.size >= ALLOWANCES_MAX) return 0;
    return Math.max(0, onUnavailable.allowUpTo - (taken ?? 0));
  }
}

const keyOf = (customer: string, feature: string, rule: Rule): string => `${customer}\0${feature}\0${rule.name}`;
