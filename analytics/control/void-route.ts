import { type ApiKey, type Caller, voidRequestSchema } from '../../engine/index.js';
import { assertCustomer, type RequestContext, type Route } from '../../ingest/http/index.js';
import type { ReportCatalog } from '../reports/catalog.js';
import type { CatchUp } from '../sink/catch-up.js';
import { LedgerProgress } from '../voids/ledger-progress.js';
import { type VoidDependencies, voidEvent } from '../voids/void-event.js';
import { voidAnswer, voidAnswerSchema } from '../voids/void-json.js';
import { answer } from './answer.js';

interface VoidParts extends Omit<VoidDependencies, 'progress'> {
  readonly catalog: ReportCatalog & { readonly version: number };
  readonly catchUp: Pick<CatchUp, 'ask'>;
}

/** `POST /v1/events/void`: who may send a customer's events may take them back. */
export function voidRoute(parts: VoidParts): Route {
  const dependencies = { ...parts, progress: new LedgerProgress(parts.clickhouse, parts.catchUp) };
  return {
    method: 'POST',
    path: '/v1/events/void',
    scope: 'ingest',
    summary: 'Takes an event back: a correction beside its facts, counters and buckets as if it had not been; once.',
    request: voidRequestSchema,
    response: voidAnswerSchema,
    handle: (context) =>
      answer(async () => {
        const request = await context.json(voidRequestSchema);
        const caller = new CustomersCaller(context, request.customer, parts.catalog);
        const actor = caller.key()?.id ?? 'unknown';
        return {
          status: 200,
          json: voidAnswer(parts.catalog, request, await voidEvent(dependencies, request, actor, caller)),
        };
      }),
  };
}

/** Who asks for one customer: looked at again when the engine decides, since the ledger may have been waited for. */
class CustomersCaller implements Caller {
  readonly #context: RequestContext;
  readonly #customer: string;
  readonly #catalog: { readonly version: number };
  #version = Number.NaN;

  constructor(context: RequestContext, customer: string, catalog: { readonly version: number }) {
    this.#context = context;
    this.#customer = customer;
    this.#catalog = catalog;
  }

  get version(): number {
    return this.#version;
  }

  /** The key as it is now. @throws WeirError invalid_key, forbidden. */
  key(): ApiKey | undefined {
    const key = this.#context.authorizeAgain();
    assertCustomer(key, this.#customer);
    return key;
  }

  authorizeAgain(): void {
    this.key();
    this.#version = this.#catalog.version;
  }
}
