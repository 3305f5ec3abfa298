import { createTransport, type Transporter } from 'nodemailer';
import type { Alert } from './alert.js';
import { mailOf, slackBody, webhookBody } from './message.js';
import { type AttemptOutcome, post } from './post.js';
import { signedHeaders } from './signature.js';
import { secretsAt, type Target } from './target.js';

const MAIL_MS_MAX = 10_000;

export interface SenderOptions {
  /** Allows targets in private, loopback and link-local networks. */
  readonly allowPrivate: boolean;
  /** `smtp://user:password@host:587`; undefined: no mail. */
  readonly smtpUrl: string | undefined;
  /** Sender of mail. */
  readonly smtpFrom: string;
  /** Replaced by tests. */
  readonly timeoutMs?: number | undefined;
}

/** Sends an alert to a target once. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #mail: Transporter | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    const timeouts = { connectionTimeout: MAIL_MS_MAX, greetingTimeout: MAIL_MS_MAX, socketTimeout: MAIL_MS_MAX };
    this.#mail = options.smtpUrl === undefined ? undefined : createTransport({ url: options.smtpUrl, ...timeouts });
  }

  get canMail(): boolean {
    return this.#mail !== undefined;
  }

  /** Never throws. */
  async send(target: Target, alert: Alert): Promise<AttemptOutcome> {
    const { destination } = target;
    switch (destination.kind) {
      case 'webhook': {
        const body = webhookBody(alert);
        const headers = signedHeaders(alert.id, Date.now(), body, secretsAt(target, Date.now()));
        return await post(destination.url, headers, body, this.#options);
      }
      case 'slack':
        return await post(destination.url, {}, slackBody(alert), this.#options);
      case 'email':
        return await this.#sendMail(destination.address, alert);
    }
  }

  async #sendMail(address: string, alert: Alert): Promise<AttemptOutcome> {
    const startedAt = performance.now();
    const outcome = (error: string | null): AttemptOutcome => {
      return { delivered: error === null, status: null, ms: Math.round(performance.now() - startedAt), error };
    };
    if (this.#mail === undefined) return outcome('WEIR_SMTP_URL is not set');
    try {
      const messageId = `<${alert.id}@weir>`;
      await this.#mail.sendMail({ from: this.#options.smtpFrom, to: address, messageId, ...mailOf(alert) });
      return outcome(null);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
      return outcome(`mail: ${code}`);
    }
  }
}
