import type { JetStreamClient, JetStreamManager } from 'nats';
import { ALERTS_STREAM, alertSubject } from '../../engine/contract/subjects.js';
import type { Alert } from './alert.js';
import { isMoved } from './streams.js';

const PUBLISH_MS_MAX = 5_000;
/** How long an answer about the stream's beginning is believed: it only moves on as alerts grow old. */
const BEGINNING_MS_MAX = 10_000;

export interface AlertStreamOptions {
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  /** True where the log in ClickHouse has the alert: for those that the stream has forgotten. */
  readonly isLogged: (id: string) => Promise<boolean>;
}

/** The stream of alerts, which decides what is new: it takes one message a subject, and the subject is the alert's id. */
export class AlertStream {
  readonly #options: AlertStreamOptions;
  #beginning = { ms: 0, askedAt: Number.NEGATIVE_INFINITY };

  constructor(options: AlertStreamOptions) {
    this.#options = options;
  }

  /**
   * Raises an alert, once however often it is found and by whomever.
   * @returns false where it was raised before; also where the answer to this very publish was lost.
   * @throws Error when nobody knows: then raise it again.
   */
  async raise(alert: Alert): Promise<boolean> {
    const { js, isLogged } = this.#options;
    if (Date.parse(alert.window.start) < (await this.#forgottenUntil()) && (await isLogged(alert.id))) return false;
    try {
      await js.publish(alertSubject(alert.id), Buffer.from(JSON.stringify(alert)), {
        timeout: PUBLISH_MS_MAX,
        expect: { streamName: ALERTS_STREAM, lastSubjectSequence: 0 },
      });
      return true;
    } catch (error) {
      if (isMoved(error)) return false;
      throw error;
    }
  }

  /** Alerts of windows that began earlier may have been in the stream and be gone; 0 while nothing has left it. */
  async #forgottenUntil(): Promise<number> {
    const now = performance.now();
    if (now - this.#beginning.askedAt > BEGINNING_MS_MAX) {
      const { state } = await this.#options.manager.streams.info(ALERTS_STREAM);
      const nothingLeft = state.first_seq <= 1;
      const firstMs = state.messages === 0 ? Number.POSITIVE_INFINITY : Date.parse(String(state.first_ts));
      this.#beginning = { ms: nothingLeft ? 0 : firstMs, askedAt: now };
    }
    return this.#beginning.ms;
  }
}
