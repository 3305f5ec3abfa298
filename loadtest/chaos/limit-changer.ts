import { setTimeout as delay } from 'node:timers/promises';
import type { Dice } from '../fuzz/dice.js';
import type { Stack } from '../harness/services.js';
import type { Answers } from './answers.js';
import { CANARY, CUSTOMERS, chaosPlan, PLAN } from './catalog.js';
import type { Wire } from './wire.js';

const PAUSE_MS_MAX = 2_000;
/** Of `tight`: it grows on the whole, so that there is something to draw, and falls in between. */
const CAP_STEP_MAX = 60;
const FALL_SHARE = 0.3;

/** Puts plan and customers there, and moves the cap of `tight` through the API. */
export class LimitChanger {
  readonly #stack: Stack;
  readonly #wire: Wire;
  readonly #answers: Answers;
  readonly #dice: Dice;
  #cap = 100;

  constructor(stack: Stack, wire: Wire, answers: Answers, dice: Dice) {
    this.#stack = stack;
    this.#wire = wire;
    this.#answers = answers;
    this.#dice = dice;
  }

  /** @throws Error where the API does not take them. */
  async prepare(): Promise<void> {
    await this.#changePlan();
    for (const customer of [...CUSTOMERS, CANARY]) await this.#put(`customers/${customer}`, { plan: PLAN });
    if (this.#answers.findingsTotal > 0) throw new Error(this.#answers.findings.join('; '));
  }

  async run(stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      await delay(this.#dice.below(PAUSE_MS_MAX));
      const step = this.#dice.below(CAP_STEP_MAX);
      this.#cap = Math.max(0, this.#cap + (this.#dice.chance(FALL_SHARE) ? -step : step));
      await this.#changePlan();
      this.#answers.limitChanges += 1;
    }
  }

  #changePlan(): Promise<void> {
    return this.#put(`plans/${PLAN}`, chaosPlan(this.#cap));
  }

  async #put(path: string, body: object): Promise<void> {
    const answered = await this.#wire.untilAnswered({ method: 'PUT', url: `${this.#stack.console}/v1/${path}`, body });
    if (answered === undefined) return;
    const { status, version, body: answer } = answered.reply;
    if (status !== 200 && status !== 201)
      this.#answers.find(`PUT ${path} answered ${status} ${JSON.stringify(answer)}`);
    else this.#answers.versionInForce = Math.max(this.#answers.versionInForce, version);
  }
}
