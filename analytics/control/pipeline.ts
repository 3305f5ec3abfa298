import type { NatsConnection } from 'nats';
import type { Rebuilder } from '../rebuild/rebuilder.js';
import { createRebuilder } from '../rebuild/start.js';
import { type Reconciliation, startReconciliation } from '../reconcile/start.js';
import { AlertStart } from './alert-start.js';
import { countDeadLetters } from './dead-letter-routes.js';
import type { ControlDependencies } from './dependencies.js';

/** What asks the pipeline of facts: each begins once NATS is reached, and is undefined until then. */
export class Pipeline {
  readonly alerts: AlertStart;
  nats: NatsConnection | undefined;
  reconciliation: Reconciliation | undefined;
  rebuilder: Rebuilder | undefined;

  constructor(dependencies: ControlDependencies) {
    this.alerts = new AlertStart(dependencies);
    void dependencies.nats?.then((nats) => this.#begin(nats, dependencies));
  }

  #begin(nats: NatsConnection, { config, catalog, clickhouse, registry, log }: ControlDependencies): void {
    this.nats = nats;
    this.alerts.begin(nats);
    countDeadLetters(nats, registry);
    const parts = { catalog, clickhouse, nats, registry, log };
    this.rebuilder = createRebuilder(parts);
    this.reconciliation = startReconciliation({ ...parts, everySeconds: config.reconcileSeconds });
  }

  async stop(): Promise<void> {
    await this.reconciliation?.stop();
    await this.alerts.stop();
    this.rebuilder?.stop();
  }
}
