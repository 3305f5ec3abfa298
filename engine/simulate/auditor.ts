import type { OutboxEntry } from '../contract/fact.js';
import { Account } from '../oracle/account.js';
import { hardOf } from '../oracle/limit-state.js';
import type { Ask, CheckAsk, Reply, ReserveAsk, Result } from '../oracle/reply.js';
import { FactAudit } from './fact-audit.js';
import { type Errand, isCheck, type Observed } from './gateway.js';
import { isDenial, isReplay, isUndone, summary, verdict } from './results.js';
import { spell } from './spell.js';
import type { World } from './world.js';

/** Where engine and model part, with what is needed to see why. */
export interface Mismatch {
  /** Operations decided by then. */
  readonly step: number;
  readonly customer: string;
  readonly what: string;
  readonly expected: string;
  readonly observed: string;
  /** The customer's last operations and the changes of the catalog, oldest first. */
  readonly history: readonly string[];
}

const HISTORY_MAX = 60;

export interface Tally {
  steps: number;
  byOperation: Record<string, number>;
  admitted: number;
  denied: number;
  replayed: number;
  refused: number;
  /** Charges of limits that had left the plan, which no fact names. */
  unlisted: number;
  /** Facts seen in the outbox, and the denials that its lines stand for. */
  facts: number;
  denials: number;
}

/** Predicts every answer and every line of the ledgers, and compares. */
export class Auditor {
  readonly #world: World;
  readonly #accounts = new Map<string, Account>();
  readonly #histories = new Map<string, string[]>();
  readonly #distrusted = new Set<string>();
  readonly #facts = new FactAudit();
  readonly mismatches: Mismatch[] = [];
  readonly tally: Tally = {
    steps: 0,
    byOperation: {},
    admitted: 0,
    denied: 0,
    replayed: 0,
    refused: 0,
    unlisted: 0,
    facts: 0,
    denials: 0,
  };

  constructor(world: World) {
    this.#world = world;
  }

  /** False after a mismatch: what the model believes of the customer is no longer worth anything. */
  isTrusted(customer: string): boolean {
    return !this.#distrusted.has(customer);
  }

  openHolds(customer: string): number {
    return this.#accounts.get(customer)?.openHolds ?? 0;
  }

  touched(): string[] {
    return [...this.#accounts.keys()].filter((customer) => this.isTrusted(customer));
  }

  /** For the histories of mismatches. */
  note(event: string): void {
    for (const history of this.#histories.values()) push(history, event);
  }

  /** One customer's errand, all of it decided at this time and by the catalog in force. */
  audit(errand: Errand, observed: readonly Observed[], nowMs: number, entries: readonly OutboxEntry[]): void {
    const { customer, kind } = errand;
    const decided = errand.asks.map((ask, index) => ({ ask, answer: observed[index] }));
    // Events of one request that lack a window are asked again after the others: the ledger has their order.
    if (kind === 'events') sortByLedger(decided, customer, entries);
    const asks = decided.map(({ ask }) => ask);
    const account = this.#account(customer);
    const scope = this.#world.scope(customer, nowMs);
    const replies =
      kind === 'atomic'
        ? account.applyAtomic(asks.filter(isCheck), scope, nowMs)
        : asks.map((ask) => account.apply(ask, scope, nowMs));
    decided.forEach(({ ask, answer }, index) => {
      const reply = replies[index];
      if (reply === undefined || answer === undefined) throw new Error('an operation without an answer');
      this.#count(customer, ask, answer, nowMs, kind);
      this.#compare(customer, ask, reply, answer, nowMs);
      this.#expectLines(customer, ask, reply);
    });
  }

  /**
   * Checks and records of one customer that went through all gateways at once, at one instant: in the order of their
   * facts the model must give each the answer it had; a denial must be right somewhere in that order, a repetition
   * must have the first answer.
   */
  auditBurst(
    customer: string,
    asks: readonly CheckAsk[],
    observed: readonly Observed[],
    entries: readonly OutboxEntry[],
    nowMs: number,
  ): void {
    const account = this.#account(customer);
    const scope = this.#world.scope(customer, nowMs);
    let open = asks.flatMap((ask, index) => {
      const answer = observed[index];
      if (answer === undefined) throw new Error('an operation without an answer');
      this.#count(customer, ask, answer, nowMs, 'burst');
      return [{ ask, answer }];
    });
    const dropDenied = (): void => {
      open = open.filter(({ ask, answer }) => {
        if (!isDenial(answer.result)) return true;
        const { result } = account.apply({ ...ask, op: 'peek', id: undefined }, scope, nowMs);
        if (spell(result) !== spell(answer.result)) return true;
        const { deniedBy, reason } = answer.result.decision;
        this.#facts.expectDenial(customer, ask.entity ?? '', {
          feature: ask.feature,
          reason,
          deniedBy,
          amount: ask.amount,
        });
        return false;
      });
    };
    dropDenied();
    const facts = entries.flatMap((entry) => entry.facts).filter((fact) => fact.customer === customer);
    for (const { id } of facts) {
      const index = open.findIndex(({ ask, answer }) => ask.id === id && !isReplay(answer.result));
      const [found] = index < 0 ? [] : open.splice(index, 1);
      if (found === undefined) {
        this.#mismatch(customer, 'a fact of the burst', 'an admitted operation', `fact ${id} without one`);
        continue;
      }
      const reply = account.apply(found.ask, scope, nowMs);
      this.#compare(customer, found.ask, reply, found.answer, nowMs);
      this.#expectLines(customer, found.ask, reply);
      dropDenied();
    }
    for (const { ask, answer } of open) {
      const reply = account.apply(ask, scope, nowMs);
      this.#compare(customer, ask, reply, answer, nowMs);
      this.#expectLines(customer, ask, reply);
    }
  }

  /** The outbox since the last round must hold what was predicted, line by line. */
  closeRound(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) {
      this.tally.facts += entry.facts.length;
      for (const { count } of entry.denials) this.tally.denials += count;
    }
    for (const fault of this.#facts.close(entries, this.#world.version)) {
      if (this.isTrusted(fault.customer)) this.#mismatch(fault.customer, fault.what, fault.expected, fault.observed);
    }
  }

  denialLeftTraces({ customer, asks }: Errand): void {
    this.#mismatch(customer, 'what a denial leaves', 'its line in the ledger alone', JSON.stringify(asks));
  }

  #account(customer: string): Account {
    let account = this.#accounts.get(customer);
    if (account === undefined) {
      account = new Account();
      this.#accounts.set(customer, account);
      this.#histories.set(customer, []);
    }
    return account;
  }

  #count(customer: string, ask: Ask, { result }: Observed, nowMs: number, kind: string): void {
    const { tally } = this;
    tally.steps++;
    tally.byOperation[ask.op] = (tally.byOperation[ask.op] ?? 0) + 1;
    if (result.kind === 'error') tally.refused++;
    else if (isReplay(result)) tally.replayed++;
    else if (isDenial(result)) tally.denied++;
    else tally.admitted++;
    const history = this.#histories.get(customer);
    if (history !== undefined) push(history, `${nowMs} ${kind} ${JSON.stringify(ask)} → ${summary(result)}`);
  }

  #compare(customer: string, ask: Ask, expected: Reply, observed: Observed, nowMs: number): void {
    const { version } = this.#world;
    const shown = isUndone(expected.result) ? verdict : (result: Result) => result;
    const [expectedText, observedText] = [spell(shown(expected.result)), spell(shown(observed.result))];
    if (expectedText !== observedText) this.#mismatch(customer, `the answer to ${ask.op}`, expectedText, observedText);
    if (observed.version !== 0 && observed.version !== version) {
      this.#mismatch(customer, 'the catalog decided by', String(version), String(observed.version));
    }
    if (ask.op === 'check' || ask.op === 'reserve') this.#auditCaps(customer, ask, observed.result, nowMs);
  }

  /** Invariant 1: used + reserved ≤ hard at every admission, whatever the model believes. */
  #auditCaps(customer: string, { feature, entity }: CheckAsk | ReserveAsk, result: Result, nowMs: number): void {
    if (result.kind !== 'decided' || !result.decision.allowed || result.decision.replayed) return;
    for (const { name, limit } of this.#world.scope(customer, nowMs).grant(feature, entity)?.rules ?? []) {
      const shown = result.decision.limits[name];
      if (limit.shadow === true || limit.kind !== 'quota' || shown?.kind !== 'quota') continue;
      const hard = hardOf(limit);
      if (hard !== null && BigInt(shown.used) + BigInt(shown.reserved) > hard) {
        this.#mismatch(customer, `over the cap of ${name}`, `at most ${hard}`, spell(shown));
      }
    }
  }

  #expectLines(customer: string, ask: Ask, reply: Reply): void {
    const entity = 'entity' in ask ? (ask.entity ?? '') : '';
    for (const fact of reply.facts) this.#facts.expectFact(customer, idOf(ask), fact);
    for (const charge of reply.unlisted ?? []) {
      this.tally.unlisted++;
      this.#facts.takeUnlisted(customer, charge);
    }
    if (reply.denial !== null) this.#facts.expectDenial(customer, entity, reply.denial);
  }

  #mismatch(customer: string, what: string, expected: string, observed: string): void {
    if (!this.isTrusted(customer)) return;
    this.#distrusted.add(customer);
    const history = [...(this.#histories.get(customer) ?? [])];
    this.mismatches.push({ step: this.tally.steps, customer, what, expected, observed, history });
  }
}

/** Accepted ones first, as their facts are, then those without a fact. */
function sortByLedger(
  decided: { readonly ask: Ask; readonly answer: Observed | undefined }[],
  customer: string,
  entries: readonly OutboxEntry[],
): void {
  const facts = entries.flatMap((entry) => entry.facts).filter((fact) => fact.customer === customer);
  const placeOf = ({ ask, answer }: (typeof decided)[number]): number => {
    const isAccepted = answer?.result.kind === 'event' && answer.result.status === 'accepted';
    const place = facts.findIndex(({ id, source }) => ask.op === 'event' && id === ask.id && source === ask.source);
    return isAccepted && place >= 0 ? place : facts.length;
  };
  decided.sort((a, b) => placeOf(a) - placeOf(b));
}

function push(history: string[], line: string): void {
  history.push(line);
  if (history.length > HISTORY_MAX) history.shift();
}

function idOf(ask: Ask): string {
  if ('charge' in ask) return ask.charge.id;
  return 'reservation' in ask ? ask.reservation : (ask.id ?? '');
}
