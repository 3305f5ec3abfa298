import type { CatalogLog } from '../catalog/cache.js';
import { parseAmount } from '../contract/amounts.js';
import type { CheckRequest } from '../contract/check.js';
import { type Decision, NO_POLICY } from '../contract/decision.js';
import { WeirError } from '../contract/errors.js';
import { DENIAL_REASONS } from '../contract/fact.js';
import { Decider } from '../decide.js';
import type { CheckOutcome } from '../engine.js';
import { operationId } from '../ids.js';
import { type Access, GATE_FREE, GATE_OPEN } from '../limits/resolve.js';
import { batchDenied, gatedDecision } from '../operations.js';
import type { RedisClient } from '../store/cluster.js';
import type { OperationId } from '../store/operation.js';
import type { Store } from '../store/store.js';
import { PROBE_PAUSE_MS_MAX } from './breaker.js';
import { Allowances, type PolicyQuestion, type Taken, type Verdict } from './policy.js';
import { Settlement } from './settlement.js';
import { Spool, type SpooledAnswer } from './spool.js';
import type { SpooledOperation } from './spool-format.js';

/** A spool whose owner gave no sign of life for so long is taken by another gateway; it gives one every second. */
const STALE_MS = 5_000;

export interface OutageOptions {
  /** Where spools lie; shared by the gateways of one WEIR_HOME. */
  readonly folder: string;
  /** Bytes of this gateway's spools, past which nothing more is admitted. */
  readonly bytesMax: number;
  /** Tests shorten it; ms. */
  readonly staleMs?: number;
}

export interface OutageParts extends OutageOptions {
  readonly redis: RedisClient;
  readonly decider: Decider;
  readonly store: Store;
  readonly clockMs: (() => number) | undefined;
  readonly log: CatalogLog | undefined;
}

/** True where nothing was charged, since Redis could not be asked, or holds no state to decide by. */
export function isAway(error: unknown): error is WeirError {
  return error instanceof WeirError && (error.code === 'store_unavailable' || error.code === 'uninitialised');
}

/** A check as the view has it. */
interface Asked {
  readonly request: CheckRequest;
  readonly access: Access;
  readonly amount: number;
  readonly version: number;
  readonly id: OperationId | undefined;
}

/** What becomes of one check, decided at once; only what is admitted has to be kept. */
type Step =
  | { readonly status: 'decided'; readonly decision: Decision }
  | { readonly status: 'replayed'; readonly answer: SpooledAnswer }
  | { readonly status: 'id_conflict' }
  | { readonly status: 'admitted'; readonly decision: Decision; readonly asked: Asked; readonly taken: Taken };

/**
 * Checks while Redis cannot be reached, by the catalog as this gateway last saw it and each limit's `onUnavailable`. What
 * is admitted is answered once it is durable on this gateway's disk, and charged when Redis is back (settlement.ts).
 */
export class Outage {
  readonly #decider: Decider;
  readonly #allowances = new Allowances();
  readonly #spool: Spool;
  readonly #settlement: Settlement;
  readonly counters = { admitted: 0, denied: 0, undecided: 0 };

  constructor(parts: OutageParts) {
    const { folder, bytesMax, staleMs = STALE_MS, log, store, decider } = parts;
    this.#decider = decider;
    this.#spool = new Spool({ folder, bytesMax, staleMs, log });
    this.#settlement = new Settlement({ ...parts, spool: this.#spool, allowances: this.#allowances });
    for (const breaker of store.breakers) {
      breaker.onChange((isOpen, cause) => {
        if (isOpen) log?.warn({ cause }, 'Redis cannot be asked: the limits say what happens');
        else log?.info({}, 'Redis decides again');
        if (!isOpen) this.#settlement.wake();
      });
    }
  }

  /** For metrics. */
  get spool(): Spool {
    return this.#spool;
  }

  get settlement(): Settlement {
    return this.#settlement;
  }

  /**
   * Decides one check that could not be asked. Whatever it reads of the spool and the allowances it reads at once, so
   * that checks are decided in their order.
   * @throws WeirError `because` where the view does not know enough; store_unavailable where the spool takes no more.
   */
  async check(request: CheckRequest, because: WeirError): Promise<CheckOutcome> {
    const asked = this.#prepare(request, because);
    const step = this.#decide(asked);
    if (step.status === 'admitted') await this.#keep([step]);
    return outcomeOf(asked, step);
  }

  /** Decides those of a batch that could not be asked, in order. */
  checkFailed(requests: readonly CheckRequest[], outcomes: readonly CheckOutcome[]): Promise<CheckOutcome[]> {
    return Promise.all(
      outcomes.map(async (outcome, index) => {
        const request = requests[index];
        if (outcome.status !== 'failed' || request === undefined) return outcome;
        const because = new WeirError(outcome.code);
        if (!isAway(because)) return outcome;
        try {
          return await this.check(request, because);
        } catch (error) {
          if (error instanceof WeirError) return { status: 'failed', code: error.code, message: error.message };
          throw error;
        }
      }),
    );
  }

  /** All or none. @throws as `check`. */
  async checkAtomic(requests: readonly CheckRequest[], because: WeirError): Promise<CheckOutcome[]> {
    const asked = requests.map((request) => this.#prepare(request, because));
    const inBatch = new Map<string, SpooledAnswer>();
    const steps = asked.map((each) => this.#decide(each, inBatch));
    const admitted = steps.filter((step) => step.status === 'admitted');
    if (steps.every(isAllowed)) {
      if (admitted.length > 0) await this.#keep(admitted);
      return Promise.all(steps.map((step, index) => outcomeOf(at(asked, index), step)));
    }
    for (const { taken } of admitted) this.#allowances.giveBack(taken);
    const undone = new Set(inBatch.values());
    return Promise.all(
      steps.map((step, index) => {
        const each = at(asked, index);
        const isUndone = step.status === 'admitted' || (step.status === 'replayed' && undone.has(step.answer));
        return isUndone ? decided(each, { ...batchDenied(each.version), degraded: true }) : outcomeOf(each, step);
      }),
    );
  }

  /** Lets writes end, and leaves what is not charged yet to the next gateway. */
  async close(): Promise<void> {
    await this.#settlement.stop();
    await this.#spool.close();
  }

  /** @throws WeirError `because`: a customer that is not in the view, and a mistake that only a catalog in force can tell. */
  #prepare(request: CheckRequest, because: WeirError): Asked {
    const { customer, feature, entity, dryRun } = request;
    try {
      const access = this.#decider.access(customer, feature, entity);
      const amount = parseAmount(request.amount, access.scale);
      const id =
        request.id === undefined || dryRun
          ? undefined
          : operationId(customer, request.id, { operation: 'check', feature, entity, amount });
      return { request, access, amount, version: this.#decider.view.version, id };
    } catch (error) {
      if (!Decider.isMendable(error)) throw error;
      this.counters.undecided++;
      throw because;
    }
  }

  #decide(asked: Asked, inBatch?: Map<string, SpooledAnswer>): Step {
    const { request, access, version, id } = asked;
    if (id !== undefined) {
      const answer = inBatch?.get(id.fingerprint) ?? this.#spool.recall(id.fingerprint);
      if (answer !== undefined)
        return answer.body === id.body ? { status: 'replayed', answer } : { status: 'id_conflict' };
    }
    const reason = gatedBy(access, this.#decider.nowMs());
    if (reason !== null) return this.#denied({ ...gatedDecision(reason, version), degraded: true });
    const decision = allowedDecision(asked);
    if (access.gate === GATE_FREE) return { status: 'decided', decision };
    const question = questionOf(asked);
    const verdict = this.#allowances.judge(question);
    if (!verdict.allowed) return this.#denied(unavailableDecision(verdict, version));
    const { remaining, shadowDeniedBy } = verdict;
    const admitted = { ...decision, remaining, shadowDeniedBy };
    if (request.dryRun) return { status: 'decided', decision: admitted };
    if (id !== undefined) inBatch?.set(id.fingerprint, { body: id.body, decision: Promise.resolve(admitted) });
    return { status: 'admitted', decision: admitted, asked, taken: this.#allowances.take(question) };
  }

  #denied(decision: Decision): Step {
    this.counters.denied++;
    return { status: 'decided', decision };
  }

  /** Makes what was admitted durable, all or none, and remembers ids. */
  async #keep(steps: readonly Extract<Step, { status: 'admitted' }>[]): Promise<void> {
    const undo = (): void => {
      this.counters.undecided += steps.length;
      for (const { taken } of steps) this.#allowances.giveBack(taken);
    };
    let kept: ReturnType<Spool['append']>;
    try {
      kept = this.#spool.append(steps.map(({ asked }) => spooledOf(asked)));
    } catch (error) {
      undo();
      throw error;
    }
    const { durable, answers } = kept;
    for (const { asked, decision } of steps) {
      if (asked.id === undefined) continue;
      const answer = durable.then(() => decision);
      // Who repeats the id hears of the failure; if nobody does, it is told by the first one alone.
      answer.catch(() => undefined);
      answers.set(asked.id.fingerprint, { body: asked.id.body, decision: answer });
    }
    try {
      await durable;
      this.counters.admitted += steps.length;
    } catch (error) {
      for (const { asked } of steps) if (asked.id !== undefined) answers.delete(asked.id.fingerprint);
      undo();
      throw error;
    }
  }
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}

const isAllowed = (step: Step): boolean =>
  step.status === 'admitted' || step.status === 'replayed' || (step.status === 'decided' && step.decision.allowed);

/** Why the catalog lets the customer not use it: the number of the reason, or null. There is no clock but this gateway's. */
function gatedBy({ gate, startsAtMs, endsAtMs }: Access, nowMs: number): number | null {
  if (gate !== GATE_OPEN && gate !== GATE_FREE) return gate - 1;
  if (nowMs < startsAtMs) return DENIAL_REASONS.indexOf('not_started');
  return nowMs >= endsAtMs ? DENIAL_REASONS.indexOf('expired') : null;
}

const questionOf = ({ request, access, amount }: Asked): PolicyQuestion => ({
  customer: request.customer,
  feature: request.feature,
  rules: access.set.rules,
  amount,
});

/** Counters nobody can see now are not shown. */
const allowedDecision = ({ access, version }: Asked): Decision => ({
  ...batchDenied(version),
  allowed: true,
  reason: 'ok',
  degraded: true,
  ...(access.value === undefined ? {} : { value: access.value }),
});

const unavailableDecision = ({ deniedBy, shadowDeniedBy, remaining }: Verdict, version: number): Decision => ({
  ...batchDenied(version),
  reason: 'unavailable',
  deniedBy,
  shadowDeniedBy,
  remaining,
  retryAfterMs: PROBE_PAUSE_MS_MAX,
  degraded: true,
});

function spooledOf({ request, access, amount }: Asked): SpooledOperation {
  const { customer, feature, entity, id, dimensions } = request;
  return { customer, feature, meter: access.meter?.id ?? '', entity, id, amount, admittedAtMs: Date.now(), dimensions };
}

const decided = ({ access }: Asked, decision: Decision): CheckOutcome => ({
  status: 'decided',
  decision,
  scale: access.scale,
  policy: NO_POLICY,
});

async function outcomeOf(asked: Asked, step: Step): Promise<CheckOutcome> {
  switch (step.status) {
    case 'decided':
    case 'admitted':
      return decided(asked, step.decision);
    case 'replayed':
      return decided(asked, { ...(await step.answer.decision), replayed: true });
    case 'id_conflict': {
      const { code, message } = new WeirError('id_conflict');
      return { status: 'failed', code, message };
    }
  }
}
