import type { AlertStream } from './alert-stream.js';
import type { Detector } from './detector.js';
import type { AlertMetrics } from './metrics.js';
import type { QuotaCharge } from './scan-entry.js';

/** Quotas whose alerts are on their way to the stream at a time. */
const QUOTAS_AT_A_TIME = 64;

/** Raises what charges cross. Those of one quota go in order, so that each alert tells of the charge that crossed. */
export class Raiser {
  readonly #detector: Detector;
  readonly #stream: Pick<AlertStream, 'raise'>;
  readonly #metrics: Pick<AlertMetrics, 'raised'>;

  constructor(detector: Detector, stream: Pick<AlertStream, 'raise'>, metrics: Pick<AlertMetrics, 'raised'>) {
    this.#detector = detector;
    this.#stream = stream;
    this.#metrics = metrics;
  }

  /** Once it resolves, all alerts of the charges are in the stream. @throws Error: then raise them again. */
  async raise(charges: readonly QuotaCharge[]): Promise<void> {
    const byQuota = new Map<string, QuotaCharge[]>();
    for (const charge of charges) {
      if (this.#detector.isKnown(charge)) continue;
      const key = `${charge.customer}\n${charge.feature}\n${charge.limit}`;
      const before = byQuota.get(key);
      if (before === undefined) byQuota.set(key, [charge]);
      else before.push(charge);
    }
    const quotas = [...byQuota.values()];
    for (let at = 0; at < quotas.length; at += QUOTAS_AT_A_TIME) {
      await Promise.all(quotas.slice(at, at + QUOTAS_AT_A_TIME).map((each) => this.#raiseInOrder(each)));
    }
  }

  async #raiseInOrder(charges: readonly QuotaCharge[]): Promise<void> {
    for (const charge of charges) {
      if (this.#detector.isKnown(charge)) continue;
      for (const alert of await this.#detector.alertsOf(charge)) {
        if (await this.#stream.raise(alert)) this.#metrics.raised.inc({ kind: alert.kind });
      }
      this.#detector.remember(charge);
    }
  }
}
