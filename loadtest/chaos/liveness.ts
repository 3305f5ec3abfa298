import type { Stack } from '../harness/services.js';
import { waitFor } from '../harness/services.js';
import type { Answers } from './answers.js';
import { reportedUsage } from './books.js';
import { CALLS, CANARY } from './catalog.js';
import type { Wire } from './wire.js';

/** Past it the run is given up: nothing repairs itself any more. */
const DEAD_MS_MAX = 180_000;
/** Series that tell where facts stand. */
const TELLING = /^weir_(sink|relay|outbox|ready)\w*(_total|_entries|_seconds)\{[^}]*\} \S+$/gm;
const DIAGNOSIS_MS_MAX = 30_000;
/** Checks in a row on connections of their own: the gateways share the port, and each is met. */
const CHECKS_IN_A_ROW = 6;

/** Asks whether all of the system lives: checks are decided by Redis, and their facts come to the reports. */
export class Canary {
  readonly #stack: Stack;
  readonly #wire: Wire;
  readonly #answers: Answers;
  #sequence = 0;
  #charged = 0;

  constructor(stack: Stack, wire: Wire, answers: Answers) {
    this.#stack = stack;
    this.#wire = wire;
    this.#answers = answers;
  }

  /** Resolves when everything lives, with how long that took, ms. @throws Error after two minutes. */
  async untilLive(): Promise<number> {
    const startMs = performance.now();
    let inARow = 0;
    let id = this.#newId();
    await waitFor(
      async () => {
        const decided = await this.#check(id);
        if (decided) id = this.#newId();
        inARow = decided ? inARow + 1 : 0;
        return inARow >= CHECKS_IN_A_ROW;
      },
      { timeoutMs: DEAD_MS_MAX, what: 'checks to be decided' },
    );
    await this.#settle(id);
    const goal = this.#charged;
    let reported: number | undefined;
    try {
      await waitFor(
        async () => {
          reported = await reportedUsage(this.#stack, this.#wire, CALLS, CANARY);
          return reported !== undefined && reported >= goal;
        },
        { timeoutMs: DEAD_MS_MAX, what: `${goal} facts of checks to be reported` },
      );
    } catch (error) {
      throw new Error(`${String(error)}: ${reported ?? 'no answer'}\n${await this.#diagnosis()}`);
    }
    return performance.now() - startMs;
  }

  /** Where facts stand, by the metrics of relay and sink. */
  async #diagnosis(): Promise<string> {
    const ask = { headers: { authorization: `Bearer ${this.#stack.adminKey}` } };
    const signal = AbortSignal.timeout(DIAGNOSIS_MS_MAX);
    try {
      const [metrics, ready] = await Promise.all(
        ['metrics', 'readyz'].map(async (path) =>
          (await fetch(`${this.#stack.console}/${path}`, { ...ask, signal })).text(),
        ),
      );
      return [ready, ...(metrics?.match(TELLING) ?? [])].join('\n');
    } catch (error) {
      return `the control plane does not answer: ${String(error)}`;
    }
  }

  #newId(): string {
    return `canary-${this.#sequence++}`;
  }

  /** A check whose answer was lost may be charged: its id is used until it is decided. */
  async #settle(id: string): Promise<void> {
    await waitFor(() => this.#check(id), { timeoutMs: DEAD_MS_MAX, what: 'a check to be decided' });
  }

  async #check(id: string): Promise<boolean> {
    const reply = await this.#wire.once({
      url: `${this.#stack.dataPlane}/v1/check`,
      body: { customer: CANARY, feature: CALLS, id },
      headers: { connection: 'close' },
    });
    const body = reply?.status === 200 ? reply.body : undefined;
    const isCharged = typeof body === 'object' && body !== null && 'allowed' in body && body.allowed === true;
    if (!isCharged) return false;
    this.#charged += 1;
    this.#answers.charge('charge', CANARY, CALLS, id, 1);
    return true;
  }
}
