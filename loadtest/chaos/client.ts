import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import {
  type CheckAnswer,
  checkAnswerSchema,
  checkResultSchema,
  eventsAnswerSchema,
  reserveAnswerSchema,
} from '../../ingest/client/answers.js';
import { errorBodySchema, isRetryCode } from '../../ingest/client/error.js';
import type { Dice } from '../fuzz/dice.js';
import type { Stack } from '../harness/services.js';
import type { Answers } from './answers.js';
import { CALLS, CUSTOMERS, EVENT_TYPE, HELD, LIMIT, OPEN, SOURCE, TIGHT, UNITS } from './catalog.js';
import { type Reply, read, type Wire } from './wire.js';

interface Check {
  readonly customer: string;
  readonly feature: string;
  readonly amount: number;
  readonly id: string;
}

/** Whether an id was sent before: `before` it may have been charged, `healed` every fate is decided. */
type Tried = 'never' | 'before' | 'healed';

/** How a decision was heard. */
interface Heard {
  readonly versionAtSend: number;
  /** False where an earlier answer to the same id was lost. */
  readonly certain: boolean;
  /** In an atomic batch the state shown to one item may have the charges of others in it. */
  readonly batched: boolean;
}

const batchSchema = z.object({ results: z.array(checkResultSchema) });
const PAUSE_MS_MAX = 60;
const AMOUNT_MAX = 5;
const MANY_MAX = 10;
/** The longest there is: what is reserved is settled by its client. */
const TTL_MS = 86_400_000;
/** A void waits up to 5 s for the ledger. */
const VOID_MS_MAX = 8_000;
/** Events that a client may yet take back. */
const VOIDABLE_MAX = 50;

export interface ClientOptions {
  readonly stack: Stack;
  readonly wire: Wire;
  readonly answers: Answers;
  readonly dice: Dice;
  readonly name: string;
}

/** One user of the system, who does one thing after the other, each until it is answered, and keeps the answers. */
export class Client {
  readonly #options: ClientOptions;
  #sequence = 0;
  /** To be asked again when everything is healed. */
  readonly #doubtful: (() => Promise<void>)[] = [];
  readonly #voidable: { readonly customer: string; readonly id: string; readonly units: number }[] = [];

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Works until `stop` says so; what is begun then is finished. */
  async run(stopped: () => boolean): Promise<void> {
    const { dice, answers, name } = this.#options;
    while (!stopped()) {
      try {
        await this.#work();
      } catch (error) {
        answers.find(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
      await delay(dice.below(PAUSE_MS_MAX));
    }
  }

  /**
   * What was denied after an answer had been lost is asked again, now that nothing is away and no request under way: the
   * lost one may have been admitted before, or, where it lay in a stopped gateway, after the denial.
   */
  async clearDoubts(): Promise<void> {
    const { answers, name } = this.#options;
    for (const ask of this.#doubtful.splice(0)) {
      await ask().catch((error: unknown) => answers.find(`${name}: ${String(error)}`));
    }
    if (this.#doubtful.length > 0) answers.find(`${name}: ${this.#doubtful.length} fates are unknown to the end`);
  }

  #work(): Promise<void> {
    const { dice } = this.#options;
    const roll = dice.next();
    if (roll < 0.4) return this.#check();
    if (roll < 0.6) return this.#batch();
    if (roll < 0.8) return this.#events();
    if (roll < 0.97) return this.#reserve();
    return this.#void();
  }

  get #customer(): string {
    return this.#options.dice.pick(CUSTOMERS);
  }

  #newId(): string {
    return `${this.#options.name}-${this.#sequence++}`;
  }

  #newCheck(customer = this.#customer): Check {
    const { dice } = this.#options;
    const feature = dice.pick([CALLS, OPEN, OPEN, TIGHT]);
    return { customer, feature, amount: 1 + dice.below(AMOUNT_MAX), id: this.#newId() };
  }

  #newHold(): Check {
    return { ...this.#newCheck(), feature: this.#options.dice.pick([HELD, HELD, TIGHT]) };
  }

  async #ask(path: string, body: object): Promise<{ reply: Reply; once: boolean; versionAtSend: number } | undefined> {
    const { wire, stack, answers } = this.#options;
    const versionAtSend = answers.versionInForce;
    const answered = await wire.untilAnswered({ url: stack.dataPlane + path, body });
    return answered === undefined ? undefined : { ...answered, versionAtSend };
  }

  async #check(check = this.#newCheck(), tried: Tried = 'never'): Promise<void> {
    const answered = await this.#ask('/v1/check', check);
    if (answered === undefined) return;
    const { reply, versionAtSend, once } = answered;
    this.#keep(check, read(checkAnswerSchema, reply), {
      versionAtSend,
      certain: tried === 'healed' || (once && tried === 'never'),
      batched: false,
    });
  }

  /** Items that failed alone are asked again, each as a check of its own. */
  async #batch(): Promise<void> {
    const { dice, answers } = this.#options;
    const atomic = dice.chance(0.3);
    const customer = atomic ? this.#customer : undefined;
    const checks = Array.from({ length: 1 + dice.below(MANY_MAX) }, () => this.#newCheck(customer));
    const answered = await this.#ask('/v1/check/batch', { checks, atomic });
    if (answered === undefined) return;
    const { results } = read(batchSchema, answered.reply);
    if (results.length !== checks.length) answers.find(`${results.length} results to ${checks.length} checks`);
    for (const [index, check] of checks.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      const { versionAtSend, once } = answered;
      const decision = checkAnswerSchema.safeParse(result);
      if (decision.success) this.#keep(check, decision.data, { versionAtSend, certain: once, batched: atomic });
      else if (isRetryCode(errorBodySchema.safeParse(result).data?.error.code ?? ''))
        await this.#check(check, 'before');
      else answers.find(`an item of a batch answered ${JSON.stringify(result)}`);
    }
  }

  #keep(check: Check, decision: CheckAnswer, how: Heard): void {
    const { answers } = this.#options;
    const { customer, feature, id, amount } = check;
    this.#judge(decision, how.batched ? undefined : feature, how.versionAtSend);
    if (decision.allowed) answers.charge('charge', customer, feature, id, amount);
    else if (how.certain) answers.denied += 1;
    else this.#doubtful.push(() => this.#check(check, 'healed'));
  }

  #judge(decision: CheckAnswer, feature: string | undefined, versionAtSend: number): void {
    const { answers } = this.#options;
    if (decision.degraded) answers.degraded += 1;
    if (decision.replayed) answers.replayed += 1;
    if (decision.degraded || decision.replayed) return;
    const state = feature === TIGHT ? decision.limits[LIMIT] : undefined;
    const quota =
      state?.kind === 'quota'
        ? { included: Number(state.included), used: Number(state.used), reserved: Number(state.reserved) }
        : undefined;
    answers.judge(decision, quota, versionAtSend);
  }

  async #events(): Promise<void> {
    const { dice, answers } = this.#options;
    const customer = this.#customer;
    const events = Array.from({ length: 1 + dice.below(MANY_MAX) }, () => ({
      id: this.#newId(),
      units: dice.below(100),
    }));
    const body = events.map(({ id, units }) => ({
      specversion: '1.0',
      type: EVENT_TYPE,
      source: SOURCE,
      subject: customer,
      id,
      data: { units },
    }));
    const answered = await this.#ask('/v1/events', body);
    if (answered === undefined) return;
    const { accepted, duplicates, rejected } = read(eventsAnswerSchema, answered.reply);
    if (rejected.length > 0) answers.find(`events were rejected: ${JSON.stringify(rejected[0])}`);
    if (answered.once && duplicates > 0) answers.find(`${duplicates} duplicates among events sent once`);
    if (accepted + duplicates !== events.length) answers.find(`${accepted} + ${duplicates} of ${events.length} events`);
    for (const { id, units } of events) {
      answers.charge('charge', customer, CALLS, id, 1);
      answers.charge('charge', customer, UNITS, id, units);
      if (this.#voidable.length < VOIDABLE_MAX) this.#voidable.push({ customer, id, units });
    }
  }

  async #reserve(hold = this.#newHold(), asked = false): Promise<void> {
    const { dice, answers } = this.#options;
    const { customer, feature, amount, id } = hold;
    const answered = await this.#ask('/v1/reservations', { customer, feature, amount, id, ttlMs: TTL_MS });
    if (answered === undefined) return;
    const decision = read(reserveAnswerSchema, answered.reply);
    this.#judge(decision, feature, answered.versionAtSend);
    if (!decision.allowed) {
      if (answered.once || asked) answers.denied += 1;
      else this.#doubtful.push(() => this.#reserve(hold, true));
      return;
    }
    await delay(dice.below(PAUSE_MS_MAX));
    if (dice.chance(0.3)) {
      await this.#settle(id, 'release', { customer });
      return;
    }
    const used = feature === TIGHT ? dice.below(amount + 1) : dice.below(2 * amount);
    if (await this.#settle(id, 'commit', { customer, amount: used })) {
      answers.charge('commit', customer, feature, id, used);
    }
  }

  async #settle(id: string, action: 'commit' | 'release', body: object): Promise<boolean> {
    const answered = await this.#ask(`/v1/reservations/${id}/${action}`, body);
    if (answered === undefined) return false;
    read(z.looseObject({ status: z.enum(['committed', 'released']) }), answered.reply);
    return true;
  }

  async #void(): Promise<void> {
    const { dice, wire, stack, answers } = this.#options;
    if (this.#voidable.length === 0) return;
    const [event] = this.#voidable.splice(dice.below(this.#voidable.length), 1);
    if (event === undefined) return;
    const { customer, id, units } = event;
    const body = { customer, source: SOURCE, id, reason: 'chaos' };
    const answered = await wire.untilAnswered({
      url: `${stack.console}/v1/events/void`,
      body,
      timeoutMs: VOID_MS_MAX,
    });
    if (answered === undefined) return;
    read(z.looseObject({ facts: z.array(z.unknown()).length(2) }), answered.reply);
    answers.charge('void', customer, CALLS, id, -1);
    answers.charge('void', customer, UNITS, id, -units);
  }
}
