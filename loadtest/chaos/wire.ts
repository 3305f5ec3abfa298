import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { errorBodySchema } from '../../ingest/client/error.js';
import type { Stack } from '../harness/services.js';
import type { Answers } from './answers.js';

/** A client that waits no longer; what it asked for may have happened. */
const ANSWER_MS_MAX = 3_000;
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 250;

export interface Ask {
  readonly method?: 'POST' | 'PUT' | 'GET';
  readonly url: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Left out: as long as a client waits. */
  readonly timeoutMs?: number;
}

export interface Reply {
  readonly status: number;
  readonly version: number;
  readonly body: unknown;
}

/** Requests of the chaos clients: sent again, unchanged and under the same ids, until there is an answer. */
export class Wire {
  readonly #stack: Stack;
  readonly #answers: Answers;
  /** When clients give up, `performance.now()`. */
  deadlineMs = Number.POSITIVE_INFINITY;

  constructor(stack: Stack, answers: Answers) {
    this.#stack = stack;
    this.#answers = answers;
  }

  /**
   * @returns the first answer that is neither lost nor a 503, and whether the request was sent once only; undefined past
   *   the deadline, which is a finding.
   */
  async untilAnswered(ask: Ask): Promise<{ readonly reply: Reply; readonly once: boolean } | undefined> {
    const answers = this.#answers;
    for (let pauseMs = PAUSE_MS_MIN, once = true; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX), once = false) {
      answers.requests += 1;
      const reply = await this.once(ask);
      if (reply !== undefined && reply.status !== 503) {
        answers.answered += 1;
        return { reply, once };
      }
      if (reply === undefined) answers.lost += 1;
      else answers.refused += 1;
      if (performance.now() > this.deadlineMs) {
        answers.find(`never answered: ${ask.url} ${JSON.stringify(ask.body)}, at last ${JSON.stringify(reply)}`);
        return undefined;
      }
      await delay(pauseMs);
    }
  }

  /** Undefined when no whole answer came. */
  async once({ method = 'POST', url, body, headers = {}, timeoutMs = ANSWER_MS_MAX }: Ask): Promise<Reply | undefined> {
    try {
      const response = await fetch(url, {
        method,
        headers: { authorization: `Bearer ${this.#stack.adminKey}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      return { status: response.status, version: Number(response.headers.get('weir-version')), body: JSON.parse(text) };
    } catch {
      return undefined;
    }
  }
}

/** @throws Error that names the answer when it is not of the shape. */
export function read<T>(schema: z.ZodType<T>, reply: Reply): T {
  const parsed = schema.safeParse(reply.body);
  if (parsed.success) return parsed.data;
  const error = errorBodySchema.safeParse(reply.body);
  const what = error.success ? error.data.error.code : z.prettifyError(parsed.error);
  throw new Error(`answered ${reply.status} ${what}`);
}
