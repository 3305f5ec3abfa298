import { z } from 'zod';
import { type AskedCheck, DIALECTS, type Dialect } from './dialects.js';
import type { LoadResult } from './job.js';

const ODD_ANSWERS_MAX = 5;
const ODD_ANSWER_CHARS_MAX = 300;
/** Of an answer that admits; within a text of JSON its quotes would be escaped. */
const ADMITTED = '"allowed":true';

const batchAnswerSchema = z.object({
  results: z.array(
    z.union([
      z.object({ allowed: z.boolean(), reason: z.string() }),
      z.object({ error: z.object({ code: z.string() }) }),
    ]),
  ),
});
const eventsAnswerSchema = z.object({
  accepted: z.int(),
  duplicates: z.int(),
  rejected: z.array(z.object({ index: z.int() })),
});

/**
 * What the clients were told, added up for the verdict. The usual answers are recognised by their text, since the load
 * generator shares two cores with what it measures: parsing a batch's answer would cost more than deciding it.
 */
export class Tally {
  readonly #admitted = new Map<string, number>();
  readonly #whole = new Map<readonly AskedCheck[], number>();
  readonly #denied: Record<string, number> = {};
  #charged = 0;
  #refused = 0;
  #unknownAmount = 0;
  readonly #oddAnswers: string[] = [];
  #undecided = 0;
  readonly #dialect: Dialect;

  constructor(dialect: Dialect = DIALECTS.weir) {
    this.#dialect = dialect;
  }

  check(asked: AskedCheck, status: number, body: string): void {
    if (!this.#dialect.statuses.includes(status)) this.#odd([asked], status, body);
    else if (this.#dialect.admits(body)) this.#admit(asked);
    else this.#deny(/"reason":"(\w+)"/.exec(body)?.[1] ?? 'over limit');
  }

  /** A hold charges nothing, whatever became of it: only its commit does. */
  hold(status: number, body: string): void {
    if (status !== 200) {
      this.#undecided += 1;
      this.#note(`${status} ${body}`);
    } else if (!body.includes(ADMITTED)) this.#deny(/"reason":"(\w+)"/.exec(body)?.[1] ?? 'unreadable');
  }

  commit(asked: AskedCheck, status: number, body: string): void {
    if (status === 200 && body.includes('"status":"committed"')) this.#admit(asked);
    else this.#odd([asked], status, body);
  }

  batch(asked: readonly AskedCheck[], status: number, body: string): void {
    if (status !== 200) this.#odd(asked, status, body);
    else if (countOf(ADMITTED, body) === asked.length) this.#admitAll(asked);
    else this.#mixedBatch(asked, body);
  }

  events(asked: readonly AskedCheck[], status: number, body: string): void {
    if (status !== 202) {
      this.#odd(asked, status, body);
      return;
    }
    const { accepted, duplicates, rejected } = eventsAnswerSchema.parse(JSON.parse(body));
    if (accepted === asked.length) {
      this.#admitAll(asked);
      return;
    }
    this.#note(`202 ${body}`);
    const indexes = new Set(rejected.map(({ index }) => index));
    const charged = asked.filter((_, index) => !indexes.has(index));
    this.#refused += rejected.length;
    // No event is sent twice here, and the answer does not say which one was known already.
    if (duplicates === 0) this.#admitAll(charged);
    else for (const each of charged) this.#unknownAmount += each.amount;
  }

  /** A request that was sent and never answered. */
  unanswered(largestAmount: number): void {
    this.#unknownAmount += largestAmount;
  }

  /** Requests that were answered by an error: they are no decisions, however fast they come. */
  get undecided(): number {
    return this.#undecided;
  }

  /** Everything so far; `measured` is added by whoever took the time. */
  result(): Omit<LoadResult, 'seconds' | 'requests' | 'decisions' | 'p50Ms' | 'p99Ms' | 'maxMs'> {
    for (const [asked, times] of this.#whole) for (const each of asked) this.#add(each.customer, each.amount * times);
    this.#whole.clear();
    return {
      admitted: Object.fromEntries(this.#admitted),
      charged: this.#charged,
      denied: this.#denied,
      refused: this.#refused,
      unknownAmount: this.#unknownAmount,
      oddAnswers: this.#oddAnswers,
    };
  }

  #admit({ customer, amount }: AskedCheck): void {
    this.#add(customer, amount);
    this.#charged += 1;
  }

  #add(customer: string, amount: number): void {
    this.#admitted.set(customer, (this.#admitted.get(customer) ?? 0) + amount);
  }

  #admitAll(asked: readonly AskedCheck[]): void {
    this.#whole.set(asked, (this.#whole.get(asked) ?? 0) + 1);
    this.#charged += asked.length;
  }

  #deny(reason: string): void {
    this.#denied[reason] = (this.#denied[reason] ?? 0) + 1;
  }

  #mixedBatch(asked: readonly AskedCheck[], body: string): void {
    const { results } = batchAnswerSchema.parse(JSON.parse(body));
    if (results.length !== asked.length) throw new Error(`${results.length} results for ${asked.length} checks`);
    results.forEach((result, index) => {
      const check = asked[index];
      if ('error' in result) {
        this.#refused += 1;
        this.#note(`200 with ${result.error.code}`);
      } else if (!result.allowed) this.#deny(result.reason);
      else if (check !== undefined) this.#admit(check);
    });
  }

  #odd(asked: readonly AskedCheck[], status: number, body: string): void {
    this.#undecided += 1;
    this.#note(`${status} ${body}`);
    if (isUncharged(asked.length, status, body)) this.#refused += asked.length;
    else for (const each of asked) this.#unknownAmount += each.amount;
  }

  #note(text: string): void {
    if (this.#oddAnswers.length < ODD_ANSWERS_MAX) this.#oddAnswers.push(text.slice(0, ODD_ANSWER_CHARS_MAX));
  }
}

function countOf(sought: string, text: string): number {
  let count = 0;
  for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + sought.length)) count += 1;
  return count;
}

/**
 * Whether an error says for certain that nothing was charged. A 503 does, by its code, of one check; of a batch some
 * may have been charged before the rest failed.
 */
function isUncharged(asked: number, status: number, body: string): boolean {
  return status < 500 || (status === 503 && asked === 1 && !body.includes('"outcome_unknown"'));
}
