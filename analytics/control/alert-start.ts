import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { type AlertDependencies, type Alerting, type AlertOptions, startAlerts } from '../alerts/start.js';

type AlertStartDependencies = Omit<AlertDependencies, 'nats' | 'options'> & {
  readonly alerts?: AlertOptions | undefined;
};

const ALERT_OPTIONS: AlertOptions = { allowPrivate: false, smtpUrl: undefined, smtpFrom: 'weir@localhost.localdomain' };
const ALERTS_RETRY_MS = 500;

/** Alerts begin once NATS serves JetStream, and may be stopped before that. */
export class AlertStart {
  readonly options: AlertOptions;
  running: Alerting | undefined;
  readonly #dependencies: AlertStartDependencies;
  readonly #abort = new AbortController();
  #starting: Promise<void> = Promise.resolve();

  constructor(dependencies: AlertStartDependencies) {
    this.options = dependencies.alerts ?? ALERT_OPTIONS;
    this.#dependencies = dependencies;
  }

  begin(nats: NatsConnection): void {
    this.#starting = this.#start(nats);
  }

  async #start(nats: NatsConnection): Promise<void> {
    const { catalog, clickhouse, registry, log } = this.#dependencies;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        this.running = await startAlerts({ options: this.options, catalog, clickhouse, nats, registry, log });
        return;
      } catch (error) {
        log.warn({ error }, 'alerts wait for JetStream');
        await delay(ALERTS_RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#starting;
    await this.running?.stop();
  }
}
