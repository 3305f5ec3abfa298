import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { Dice } from '../fuzz/dice.js';
import { waitFor } from '../harness/services.js';
import { Answers } from './answers.js';
import { type Counters, closeBooks, readCounters, type Verdict } from './books.js';
import { Client } from './client.js';
import { inflict } from './faults.js';
import { readLedger } from './ledger.js';
import { LimitChanger } from './limit-changer.js';
import { Canary } from './liveness.js';
import { describeFault, type Fault, type Round, schedule } from './schedule.js';
import type { Target } from './target.js';
import { read, Wire } from './wire.js';

const CLIENTS = 24;
/** From the end of the faults until every client has its answer, and every spool is charged. */
const HEAL_MS_MAX = 120_000;
/** Promised: from a repair until everything lives again. */
export const LIVE_MS_MAX = 5_000;

const reconcileSchema = z.object({ rows: z.array(z.unknown()), windows: z.number() });

export interface ChaosOptions {
  readonly target: Target;
  readonly seed: number;
  /** Only kinds of faults whose description has this text. */
  readonly only?: string;
  /** The run ends with the round that reaches one of them. */
  readonly faults: number;
  readonly minutes: number;
  /** A line for people. */
  readonly progress: (text: string) => void;
}

export interface ChaosReport {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: number;
  readonly rounds: number;
  /** How many of each. */
  readonly byKind: Readonly<Record<string, number>>;
  /** Fail points that no process came by. */
  readonly missed: readonly string[];
  /** From a repair until checks are decided and facts reported, ms, by round. */
  readonly liveMs: readonly number[];
  /** Rounds past LIVE_MS_MAX. */
  readonly lateRounds: readonly string[];
  readonly answers: Readonly<Record<string, number>>;
  readonly rows: number;
  readonly verdict: Verdict;
  /** Counters that differ from the ledger by Weir's own comparison. */
  readonly drift: number;
  readonly findings: readonly string[];
  readonly findingsTotal: number;
}

/** Faults under load, by the schedule of a seed; then everything heals, and the books are closed. */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  return await new ChaosRun(options).run();
}

class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #answers = new Answers();
  readonly #wire: Wire;
  readonly #canary: Canary;
  readonly #byKind: Record<string, number> = {};
  readonly #missed: string[] = [];
  readonly #liveMs: number[] = [];
  readonly #lateRounds: string[] = [];
  #faults = 0;
  #rounds = 0;

  constructor(options: ChaosOptions) {
    this.#options = options;
    const { stack } = options.target;
    this.#wire = new Wire(stack, this.#answers);
    this.#canary = new Canary(stack, this.#wire, this.#answers);
  }

  async run(): Promise<ChaosReport> {
    const { target, seed, progress } = this.#options;
    const { stack } = target;
    const startMs = performance.now();
    const answers = this.#answers;
    const changer = new LimitChanger(stack, this.#wire, answers, diceOf(seed, 'limits'));
    await changer.prepare();
    const clients = Array.from({ length: CLIENTS }, (_, index) => {
      const name = `c${index}`;
      return new Client({ stack, wire: this.#wire, answers, dice: diceOf(seed, name), name });
    });
    let over = false;
    const working = Promise.all([...clients, changer].map((each) => each.run(() => over)));
    try {
      await this.#canary.untilLive();
      await this.#inflictAll(startMs);
    } finally {
      over = true;
      this.#wire.deadlineMs = performance.now() + HEAL_MS_MAX;
      progress('all repaired: every client waits for its last answer');
      await working;
    }
    const { counters, drift } = await this.#heal(clients);
    progress('stopping the stack, and reading its ledger');
    await stack.stop();
    const ledger = await readLedger(stack.home);
    const { charges, findings, findingsTotal, ...rest } = answers;
    return {
      seed,
      seconds: (performance.now() - startMs) / 1_000,
      faults: this.#faults,
      rounds: this.#rounds,
      byKind: this.#byKind,
      missed: this.#missed,
      liveMs: this.#liveMs,
      lateRounds: this.#lateRounds,
      answers: { ...rest, charges: charges.size },
      rows: ledger.rows,
      verdict: closeBooks(answers, counters, ledger),
      drift,
      findings,
      findingsTotal,
    };
  }

  async #inflictAll(startMs: number): Promise<void> {
    const { seed, only, faults, minutes } = this.#options;
    for (const round of schedule(seed, only)) {
      await this.#inflictRound(round);
      const minutesSpent = (performance.now() - startMs) / 60_000;
      if (this.#faults >= faults || minutesSpent >= minutes) return;
    }
  }

  async #inflictRound({ pauseMs, faults }: Round): Promise<void> {
    const { target, progress } = this.#options;
    await delay(pauseMs);
    const what = faults.map(describeFault).join(' · ');
    await Promise.all(faults.map((fault) => this.#inflictOne(target, fault)));
    const liveMs = await this.#canary.untilLive().catch((error: unknown) => {
      throw new Error(`after ${this.#faults} faults, then ${what}: ${String(error)}`);
    });
    this.#liveMs.push(liveMs);
    if (liveMs > LIVE_MS_MAX) this.#lateRounds.push(`${what}: ${(liveMs / 1_000).toFixed(1)} s`);
    this.#faults += faults.length;
    this.#rounds += 1;
    progress(`${String(this.#faults).padStart(4)} faults: ${what} → live after ${(liveMs / 1_000).toFixed(1)} s`);
  }

  async #inflictOne(target: Target, fault: Fault): Promise<void> {
    const kind = fault.kind === 'connection' ? `${fault.what} ${fault.disturbance}` : `${fault.what} ${fault.kind}`;
    this.#byKind[kind] = (this.#byKind[kind] ?? 0) + 1;
    if (!(await inflict(target, fault))) this.#missed.push(describeFault(fault));
  }

  /** Waits until nothing is under way any more. */
  async #heal(clients: readonly Client[]): Promise<{ counters: Counters; drift: number }> {
    const { target, progress } = this.#options;
    const { stack } = target;
    await this.#canary.untilLive();
    for (const client of clients) await client.clearDoubts();
    const spool = join(stack.home, 'spool');
    await waitFor(() => !existsSync(spool) || readdirSync(spool).length === 0, {
      timeoutMs: HEAL_MS_MAX,
      what: 'every spool to be charged',
    });
    progress('every fate is known: comparing the counters with the ledger');
    const url = `${stack.console}/v1/reconcile?limit=100`;
    const { rows } = await waitFor(
      async () => {
        const reply = await this.#wire.once({ method: 'GET', url, timeoutMs: HEAL_MS_MAX });
        return reply?.status === 200 ? read(reconcileSchema, reply) : undefined;
      },
      { timeoutMs: HEAL_MS_MAX, what: 'counters and ledger to be compared' },
    );
    return { counters: await readCounters(stack, this.#wire), drift: rows.length };
  }
}

/** A source of chance of its own for each part of a run. */
function diceOf(seed: number, part: string): Dice {
  let hash = seed >>> 0;
  // FNV-1a's step, begun at the seed.
  for (const character of part) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return new Dice(hash);
}

/** True when nothing was lost, doubled or over-admitted, and every client understood every answer. */
export function isWhole({ verdict, drift, findingsTotal }: ChaosReport): boolean {
  const { examples: _, ...counts } = verdict;
  return drift === 0 && findingsTotal === 0 && Object.values(counts).every((count) => count === 0);
}
