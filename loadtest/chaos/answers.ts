/** What an answer said was charged: the key names what it was for, so that a second answer to it changes nothing. */
export type ChargeClass = 'charge' | 'commit' | 'void';

/** Same in the answers and in the facts. */
export const chargeKey = (kind: ChargeClass, customer: string, feature: string, id: string): string =>
  `${kind} ${customer} ${feature} ${id}`;

const FINDINGS_MAX = 20;

/** What the clients of a run hold in their hands, and what they saw that must not be. */
export class Answers {
  /** Amounts by `chargeKey`; negative for voids. */
  readonly charges = new Map<string, number>();
  readonly findings: string[] = [];
  /** Faults of one kind beyond the first ones are only counted. */
  findingsTotal = 0;
  requests = 0;
  answered = 0;
  /** Requests that got no answer, or a 503, and were sent again under their id. */
  lost = 0;
  refused = 0;
  degraded = 0;
  replayed = 0;
  denied = 0;
  overAdmitted = 0;
  limitChanges = 0;
  /** Version of the catalog that the last answered change made. */
  versionInForce = 0;
  readonly #caps = new Map<number, number>();

  charge(kind: ChargeClass, customer: string, feature: string, id: string, amount: number): void {
    const key = chargeKey(kind, customer, feature, id);
    if (this.charges.has(key)) this.find(`${key} was charged to two requests`);
    this.charges.set(key, amount);
  }

  find(what: string): void {
    this.findingsTotal += 1;
    if (this.findings.length < FINDINGS_MAX) this.findings.push(what);
  }

  /**
   * Holds a fresh decision by Redis against its limit and against the last change of limits.
   * @param versionAtSend `versionInForce` when the request was sent
   */
  judge(
    decision: { readonly version: number; readonly allowed: boolean },
    quota: { readonly included: number; readonly used: number; readonly reserved: number } | undefined,
    versionAtSend: number,
  ): void {
    if (decision.version < versionAtSend)
      this.find(`decided by version ${decision.version} after ${versionAtSend} was in force`);
    if (quota === undefined) return;
    const { included, used, reserved } = quota;
    const cap = this.#caps.get(decision.version) ?? included;
    this.#caps.set(decision.version, cap);
    if (cap !== included) this.find(`version ${decision.version} has the caps ${cap} and ${included}`);
    if (decision.allowed && used + reserved > included) {
      this.overAdmitted += 1;
      this.find(`admitted with ${used} + ${reserved} of ${included}`);
    }
  }
}
