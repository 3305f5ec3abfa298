import { Counter, type Registry } from 'prom-client';
import type { Decision, Reason } from '../../engine/index.js';
import { HotCounter } from '../http/index.js';

const REASONS = [
  'ok',
  'overage',
  'limit_exceeded',
  'not_entitled',
  'not_started',
  'expired',
  'suspended',
  'unknown_customer',
  'unknown_feature',
  'batch_denied',
  'unavailable',
] as const satisfies readonly Reason[];

/** What the gateway counts of its own: decisions by reason, events by outcome. */
export class GatewayMetrics {
  readonly #byReason = new Map<Reason, HotCounter>(REASONS.map((reason) => [reason, new HotCounter()]));
  readonly #degraded = new HotCounter();
  readonly #events: Counter<'outcome'>;
  readonly #rejected: Counter<'code'>;

  constructor(registry: Registry) {
    const byReason = this.#byReason;
    const degraded = this.#degraded;
    new Counter({
      name: 'weir_decisions_total',
      help: 'Decisions answered, by reason; allowed are ok and overage.',
      labelNames: ['reason'],
      registers: [registry],
      collect() {
        for (const [reason, counter] of byReason) this.inc({ reason }, counter.take());
      },
    });
    new Counter({
      name: 'weir_decisions_degraded_total',
      help: 'Decisions answered while Redis could not be reached.',
      registers: [registry],
      collect() {
        this.inc(degraded.take());
      },
    });
    this.#events = new Counter({
      name: 'weir_events_total',
      help: 'Usage events answered, by outcome.',
      labelNames: ['outcome'],
      registers: [registry],
    });
    this.#rejected = new Counter({
      name: 'weir_events_rejected_total',
      help: 'Usage events refused to their sender, by the code of the error: nothing was charged for them.',
      labelNames: ['code'],
      registers: [registry],
    });
  }

  decided(decision: Decision): void {
    this.#byReason.get(decision.reason)?.inc();
    if (decision.degraded) this.#degraded.inc();
  }

  recorded(counts: {
    readonly accepted: number;
    readonly duplicates: number;
    readonly rejected: readonly { readonly code: string }[];
  }): void {
    this.#events.inc({ outcome: 'accepted' }, counts.accepted);
    this.#events.inc({ outcome: 'duplicate' }, counts.duplicates);
    this.#events.inc({ outcome: 'rejected' }, counts.rejected.length);
    for (const { code } of counts.rejected) this.#rejected.inc({ code });
  }
}
