import type { Stack } from '../harness/services.js';
import { compareBooks } from './books.js';
import { CALLS, EXACT_CUSTOMERS } from './catalog.js';
import { Connection, carryOut } from './connection.js';
import { Dice } from './dice.js';
import type { Answer, Assault, Frame } from './frame.js';
import { Judge } from './judge.js';
import { Ledger } from './ledger.js';
import { RequestMaker } from './requests.js';
import { isIdle, lookAtRest, type Rest } from './watch.js';
import { AssaultMaker } from './wire.js';

/** Requests one at a time on each. */
const CONNECTIONS = 24;
/** Assaults at the same time. */
const ATTACKERS = 24;
/** Senders that time out, at the same time; few, since each takes its 10 s. */
const SLOW_SENDERS = 16;
/** Of all frames; the rest are whole requests. */
const ASSAULT_SHARE = 0.25;
/** Of all frames, before memory is looked at for the first time. */
const WARM_UP_SHARE = 0.25;
const GROWTH_MAX = 0.1;
/** A heap takes this many to reach its size: before, growth says nothing. */
const WARM_FRAMES_MIN = 100_000;
const FINDINGS_MAX = 20;

/** Something that must not be, with the bytes that showed it where there are any. */
export interface Finding {
  readonly what: string;
  readonly kind: string;
  /** Pieces as they were written, base64. */
  readonly pieces: readonly string[];
}

export interface FuzzReport {
  readonly seed: number;
  readonly frames: number;
  readonly seconds: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly acceptedEvents: number;
  readonly chargedChecks: number;
  readonly warm: Rest;
  readonly rest: Rest;
  readonly findings: readonly Finding[];
}

export interface FuzzOptions {
  readonly stack: Stack;
  readonly seed: number;
  /** Malformed requests and frames to send. */
  readonly frames: number;
  readonly progress: (frames: number) => void;
}

/** Fuzzes the gateway of a stack that has the catalog of `fuzzCatalog`, and judges. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const document: unknown = await (await fetch(`${options.stack.dataPlane}/openapi.json`)).json();
  return new Fuzzer(options, new Judge(document)).run();
}

class Fuzzer {
  readonly #options: FuzzOptions;
  readonly #judge: Judge;
  readonly #port: number;
  readonly #ledger = new Ledger();
  readonly #findings: Finding[] = [];
  readonly #byKind: Record<string, number> = {};
  readonly #byStatus: Record<string, number> = {};
  #frames = 0;
  #assaulted = 0;

  constructor(options: FuzzOptions, judge: Judge) {
    this.#options = options;
    this.#judge = judge;
    this.#port = Number(new URL(options.stack.dataPlane).port);
  }

  async run(): Promise<FuzzReport> {
    const { stack, seed, frames } = this.#options;
    const startedMs = performance.now();
    const before = stack.pidOf('gateway-0');
    await this.#phase('warm', Math.ceil(frames * WARM_UP_SHARE));
    const warm = await lookAtRest(stack);
    await this.#phase('main', frames);
    const rest = await lookAtRest(stack);
    this.#judgeRest(before, warm, rest);
    await this.#stillAnswers();
    for (const what of await compareBooks(stack, this.#ledger)) this.#find(what, 'books', []);
    return {
      seed,
      frames: this.#frames,
      seconds: (performance.now() - startedMs) / 1_000,
      byKind: this.#byKind,
      byStatus: this.#byStatus,
      acceptedEvents: this.#ledger.acceptedEvents,
      chargedChecks: this.#ledger.chargedChecks,
      warm,
      rest,
      findings: this.#findings,
    };
  }

  /** Everything at once, until so many frames have been sent in all. */
  async #phase(name: string, goal: number): Promise<void> {
    const { seed } = this.#options;
    const many = (count: number, work: (name: string, dice: Dice) => Promise<void>, role: string) =>
      Array.from({ length: count }, (_, index) => {
        const each = `${seed}-${name}-${role}-${index}`;
        return work(each, new Dice(hash(each)));
      });
    const open = (): boolean => this.#frames < goal && this.#findings.length < FINDINGS_MAX;
    await Promise.all([
      ...many(CONNECTIONS, (each, dice) => this.#ask(each, dice, open), 'request'),
      ...many(ATTACKERS, (each, dice) => this.#attack(each, dice, open), 'assault'),
      ...many(SLOW_SENDERS, (each, dice) => this.#sendSlowly(each, dice), 'slow'),
    ]);
  }

  #requestMaker(name: string, dice: Dice): RequestMaker {
    return new RequestMaker(dice, name, this.#options.stack.adminKey, `127.0.0.1:${this.#port}`);
  }

  #assaultMaker(name: string, dice: Dice): AssaultMaker {
    const { adminKey } = this.#options.stack;
    return new AssaultMaker(dice, this.#requestMaker(name, dice), adminKey, `127.0.0.1:${this.#port}`);
  }

  async #ask(name: string, dice: Dice, open: () => boolean): Promise<void> {
    const maker = this.#requestMaker(name, dice);
    const connection = new Connection(this.#port);
    while (open()) await this.#askOne(connection, maker.next());
    connection.close();
  }

  async #askOne(connection: Connection, frame: Frame): Promise<void> {
    this.#count(frame.kind, 1);
    try {
      const answer = await connection.ask(frame);
      this.#countStatus(answer);
      const fault = this.#judge.fault(answer, frame.path, frame.method === 'HEAD');
      if (fault === undefined) this.#ledger.book(frame, answer, CALLS);
      else this.#find(fault, frame.kind, [frame.bytes]);
    } catch (error) {
      this.#find(error instanceof Error ? error.message : String(error), frame.kind, [frame.bytes]);
    }
  }

  /** Assaults keep to their share, however much faster or slower they are than whole requests. */
  async #attack(name: string, dice: Dice, open: () => boolean): Promise<void> {
    const maker = this.#assaultMaker(name, dice);
    while (open()) {
      if (this.#assaulted > this.#frames * ASSAULT_SHARE) await new Promise((resolve) => setTimeout(resolve, 5));
      else {
        const assault = maker.next();
        this.#assaulted += assault.frames;
        await this.#carryOut(assault);
      }
    }
  }

  async #sendSlowly(name: string, dice: Dice): Promise<void> {
    await this.#carryOut(this.#assaultMaker(name, dice).slow());
  }

  async #carryOut(assault: Assault): Promise<void> {
    this.#count(assault.kind, assault.frames);
    const { answers, fault } = await carryOut(assault, this.#port);
    if (fault !== undefined) this.#find(fault, assault.kind, assault.pieces);
    for (const answer of answers) {
      this.#countStatus(answer);
      const wrong = this.#judge.fault(answer, undefined, false);
      if (wrong !== undefined) this.#find(wrong, assault.kind, assault.pieces);
      else this.#ledger.bookLoose(assault.customer, answer);
    }
  }

  #judgeRest(pid: number, warm: Rest, rest: Rest): void {
    if (warm.pid !== pid || rest.pid !== pid)
      this.#find(`the gateway died: ${pid}, then ${warm.pid}, then ${rest.pid}`, 'process', []);
    for (const each of [warm, rest])
      if (!isIdle(each)) this.#find(`not at rest: ${JSON.stringify(each)}`, 'process', []);
    const warmed = this.#options.frames * WARM_UP_SHARE >= WARM_FRAMES_MIN;
    if (warmed && rest.rssMb > warm.rssMb * (1 + GROWTH_MAX)) {
      this.#find(`memory grew from ${warm.rssMb.toFixed(0)} to ${rest.rssMb.toFixed(0)} MB`, 'process', []);
    }
  }

  async #stillAnswers(): Promise<void> {
    const [customer = ''] = EXACT_CUSTOMERS;
    const connection = new Connection(this.#port);
    const frame = this.#requestMaker('last', new Dice(1)).goodCheck(customer);
    await this.#askOne(connection, frame);
    connection.close();
  }

  #count(kind: string, frames: number): void {
    this.#frames += frames;
    this.#byKind[kind] = (this.#byKind[kind] ?? 0) + frames;
    this.#options.progress(this.#frames);
  }

  #countStatus({ status }: Answer): void {
    this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1;
  }

  #find(what: string, kind: string, pieces: readonly Buffer[]): void {
    if (this.#findings.length < FINDINGS_MAX) {
      this.#findings.push({ what, kind, pieces: pieces.map((piece) => piece.toString('base64')) });
    }
  }
}

/** FNV-1a, 32 bits: a seed for each role from the seed of the run. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
}
