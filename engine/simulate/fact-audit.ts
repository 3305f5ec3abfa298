import { AFTER_NOTHING, type Denial, type Fact, type OutboxEntry } from '../contract/fact.js';
import type { ExpectedDenial, ExpectedFact, UnlistedCharge } from '../oracle/reply.js';
import { spell } from './spell.js';

export interface LedgerFault {
  readonly customer: string;
  readonly what: string;
  readonly expected: string;
  readonly observed: string;
}

/** Counted by customer: denials are packed per call, so that only their sums are predictable. */
interface DenialSums {
  readonly customer: string;
  readonly line: string;
  count: number;
  amount: number;
}

/** Holds the ledgers of the outbox against what was predicted, and sums up facts by limit and window on its own. */
export class FactAudit {
  #facts = new Map<string, string[]>();
  #denials = new Map<string, DenialSums>();
  readonly #sums = new Map<string, number>();

  expectFact(customer: string, id: string, fact: ExpectedFact): void {
    const { limits } = fact;
    add(this.#facts, customer, spell({ ...fact, id, limits }));
  }

  expectDenial(customer: string, entity: string, denial: ExpectedDenial): void {
    const { feature, reason, deniedBy, amount } = denial;
    sum(this.#denials, customer, denialLine({ feature, reason, deniedBy, entity }), 1, amount);
  }

  /** A counter moved by a charge that no fact names: of a limit that has left the plan, and may come back. */
  takeUnlisted(customer: string, { key, windowStartMs, used }: UnlistedCharge): void {
    const [feature = '', entity = '', limit = '']: readonly string[] = JSON.parse(key);
    this.#sums.set(sumKey(customer, feature, entity === '' ? limit : `${entity}/${limit}`, windowStartMs), used);
  }

  /** Compares with what was written since, and begins anew. @param version of the catalog in force. */
  close(entries: readonly OutboxEntry[], version: number): LedgerFault[] {
    const faults: LedgerFault[] = [];
    const facts = new Map<string, string[]>();
    const denials = new Map<string, DenialSums>();
    for (const entry of entries) {
      for (const fact of entry.facts) {
        add(facts, fact.customer, spell(factLine(fact)));
        faults.push(...this.#addUp(fact));
        if (fact.version !== version) {
          faults.push(fault(fact.customer, 'version of a fact', String(version), String(fact.version)));
        }
      }
      for (const denial of entry.denials)
        sum(denials, denial.customer, denialLine(denial), denial.count, denial.amount);
    }
    faults.push(...differences('facts', texts(this.#facts), texts(facts)));
    faults.push(...differences('denials', denialTexts(this.#denials), denialTexts(denials)));
    this.#facts = new Map();
    this.#denials = new Map();
    return faults;
  }

  /**
   * Invariant 3: the sum of facts is the counter, for each limit and window. A limit that is defined anew starts at 0
   * under the same name.
   */
  #addUp({ customer, feature, kind, amount, limits }: Fact): LedgerFault[] {
    return limits.flatMap(({ id, windowStartMs, after }) => {
      // A void whose charge is in no counter any more.
      if (windowStartMs === null || (kind === 'void' && after === AFTER_NOTHING)) return [];
      const key = sumKey(customer, feature, id, windowStartMs);
      const sum = (this.#sums.get(key) ?? 0) + (kind === 'void' ? -amount : amount);
      this.#sums.set(key, after);
      if (after === sum || (kind !== 'void' && after === amount)) return [];
      return [fault(customer, `sum of facts on ${id} in ${windowStartMs}`, String(sum), String(after))];
    });
  }
}

const sumKey = (customer: string, feature: string, limit: string, windowStartMs: number): string =>
  JSON.stringify([customer, feature, limit, windowStartMs]);

function factLine(fact: Fact): object {
  const { kind, feature, meter, entity, amount, late, happenedAtMs, chargedAtMs, id } = fact;
  const limits = fact.limits.map((limit) => ({
    name: limit.id,
    windowStartMs: limit.windowStartMs,
    after: limit.after,
  }));
  return { kind, feature, meter, entity, amount, late, happenedAtMs, chargedAtMs, id, limits };
}

function denialLine({
  feature,
  reason,
  deniedBy,
  entity,
}: Pick<Denial, 'feature' | 'deniedBy' | 'entity'> & { readonly reason: string }): object {
  // What the catalog does not know is counted by customer alone.
  const isKnown = reason !== 'unknown_feature' && reason !== 'unknown_customer';
  return { feature, reason, deniedBy, entity: isKnown ? entity : '' };
}

function add(lines: Map<string, string[]>, customer: string, line: string): void {
  const known = lines.get(customer);
  if (known === undefined) lines.set(customer, [line]);
  else known.push(line);
}

function sum(sums: Map<string, DenialSums>, customer: string, line: object, count: number, amount: number): void {
  const text = spell(line);
  const key = JSON.stringify([customer, text]);
  const known = sums.get(key) ?? { customer, line: text, count: 0, amount: 0 };
  known.count += count;
  known.amount += amount;
  sums.set(key, known);
}

const texts = (lines: ReadonlyMap<string, readonly string[]>): Map<string, string[]> =>
  new Map([...lines].map(([customer, list]) => [customer, [...list].sort()]));

function denialTexts(sums: ReadonlyMap<string, DenialSums>): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const { customer, line, count, amount } of sums.values()) add(lines, customer, `${count} × ${line}, ${amount}`);
  return texts(lines);
}

function differences(
  what: string,
  expected: ReadonlyMap<string, readonly string[]>,
  observed: ReadonlyMap<string, readonly string[]>,
): LedgerFault[] {
  const customers = new Set([...expected.keys(), ...observed.keys()]);
  return [...customers].flatMap((customer) => {
    const [left, right] = [expected.get(customer) ?? [], observed.get(customer) ?? []];
    if (left.join('\n') === right.join('\n')) return [];
    const only = (lines: readonly string[], others: readonly string[]): string =>
      lines.filter((line) => !others.includes(line)).join('\n') || 'nothing';
    return [fault(customer, what, only(left, right), only(right, left))];
  });
}

const fault = (customer: string, what: string, expected: string, observed: string): LedgerFault => ({
  customer,
  what,
  expected,
  observed,
});
