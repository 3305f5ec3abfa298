import { z } from 'zod';
import type { Answer, Frame } from './frame.js';

const decisionSchema = z.object({
  allowed: z.boolean(),
  feature: z.string(),
  amount: z.union([z.number(), z.string()]),
  replayed: z.boolean(),
});
const batchSchema = z.object({ results: z.array(z.union([decisionSchema, z.object({ error: z.unknown() })])) });
const eventsSchema = z.object({ accepted: z.int(), duplicates: z.int(), rejected: z.array(z.unknown()) });

/** What answers said was charged, by customer: calls alone, since the amount of an accepted event's units is not told. */
export class Ledger {
  readonly #calls = new Map<string, number>();
  /** Events and checks that were charged. */
  acceptedEvents = 0;
  chargedChecks = 0;

  callsOf(customer: string): number {
    return this.#calls.get(customer) ?? 0;
  }

  /**
   * Books an answer. @param feature that the calls are counted for
   * @throws Error for a 2xx that does not have the shape of its route.
   */
  book({ path, customer, body }: Frame, { status, body: answer }: Answer, feature: string): void {
    if (path === '/v1/events' && status === 202) this.#bookEvents(customer, answer.toString());
    else if (path === '/v1/check' && status === 200)
      this.#bookCheck(customer, JSON.parse(answer.toString()), isDryRun(parse(body)), feature);
    else if (path === '/v1/check/batch' && status === 200) {
      const { results } = batchSchema.parse(JSON.parse(answer.toString()));
      const dryRuns = dryRunsOf(parse(body));
      results.forEach((result, index) => {
        if ('allowed' in result) this.#bookCheck(customer, result, dryRuns[index] === true, feature);
      });
    }
  }

  /** Events of a connection of which not every answer may be heard, and checks of 1. */
  bookLoose(customer: string, { status, body }: Answer): void {
    const text = body.toString();
    if (status === 202) this.#bookEvents(customer, text);
  }

  #bookEvents(customer: string, text: string): void {
    const { accepted } = eventsSchema.parse(JSON.parse(text));
    this.acceptedEvents += accepted;
    this.#add(customer, accepted);
  }

  #bookCheck(customer: string, answer: unknown, dryRun: boolean, feature: string): void {
    const decision = decisionSchema.parse(answer);
    if (!decision.allowed || decision.replayed || dryRun) return;
    this.chargedChecks += 1;
    if (decision.feature === feature) this.#add(customer, Number(decision.amount));
  }

  #add(customer: string, calls: number): void {
    this.#calls.set(customer, this.callsOf(customer) + calls);
  }
}

/** The body of a check that was answered is JSON, after a mark of the byte order that decoders drop. */
const parse = (body: string): unknown => JSON.parse(body.replace(/^\ufeff/, ''));

/** True for a check that asks for a dry run; the body of one that was answered is JSON. */
const isDryRun = (check: unknown): boolean =>
  typeof check === 'object' && check !== null && 'dryRun' in check && check.dryRun === true;

function dryRunsOf(batch: unknown): boolean[] {
  const checks: unknown = typeof batch === 'object' && batch !== null && 'checks' in batch ? batch.checks : [];
  return Array.isArray(checks) ? checks.map(isDryRun) : [];
}
