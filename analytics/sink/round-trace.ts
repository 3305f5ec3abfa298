import type { SpanContext } from '@opentelemetry/api';
import type { JsMsg } from 'nats';
import { TRACEPARENT_HEADER } from '../../engine/contract/message.js';
import type { Tracing } from '../../engine/platform/tracing.js';

/** Publishes that a round's span names. */
const LINKS_MAX = 128;

/** The span of one round: from its insert to what was acknowledged, linked with the publishes that brought its entries. */
export class RoundTrace {
  readonly #tracing: Tracing;
  #links: SpanContext[] = [];

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  take(message: JsMsg): void {
    const traceparent = message.headers?.get(TRACEPARENT_HEADER) ?? '';
    if (traceparent === '' || this.#links.length === LINKS_MAX) return;
    const context = this.#tracing.contextOf(traceparent);
    if (context !== undefined) this.#links.push(context);
  }

  /** Traces the round's insert. A round without a traced message is a trace of its own, as the sampler decides. */
  async during(rows: number, insert: () => Promise<boolean>): Promise<boolean> {
    const span = this.#tracing.start('insert clickhouse', {
      kind: 'consumer',
      links: this.#links,
      attributes: { 'db.system.name': 'clickhouse', 'db.operation.name': 'INSERT', 'weir.rows': rows },
    });
    this.#links = [];
    try {
      const done = await insert();
      if (done) span.end();
      else this.#tracing.fail(span, 'lease_lost');
      return done;
    } catch (error) {
      this.#tracing.fail(span, 'insert_failed');
      throw error;
    }
  }
}
