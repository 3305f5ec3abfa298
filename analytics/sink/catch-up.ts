import { ErrorCode, type Msg, type NatsConnection, NatsError, type Subscription } from 'nats';
import { Counter, type Registry } from 'prom-client';
import { z } from 'zod';
import { CATCH_UP_SUBJECT } from '../../engine/contract/subjects.js';
import type { Sink } from './sink.js';

/** Longest wait of a reader: then it reads what is there, as it does while no sink works. */
const WAIT_MS_MAX = 3_000;
/** Who asks again so soon has been answered; what is missing then is younger than the 2 s that reports promise. */
const FRESH_MS = 500;
/** After a question that was waited for in vain none is asked for so long: not every reader is to wait for a sink that hangs. */
const HANGING_MS = 2_000;

const answerSchema = z.strictObject({ caughtUp: z.boolean() });

/** The sink's side: answers once ClickHouse has all that it had read when it was asked. */
export function answerCatchUps(nats: NatsConnection, sink: Pick<Sink, 'catchUp'>): Subscription {
  return nats.subscribe(CATCH_UP_SUBJECT, {
    callback: (error, message) => {
      if (error !== null) return;
      const answer = (caughtUp: boolean): void => void message.respond(Buffer.from(JSON.stringify({ caughtUp })));
      // It stops, and its failure is told where it stops.
      sink.catchUp().then(
        () => answer(true),
        () => answer(false),
      );
    },
  });
}

/** What of NATS is needed to ask. */
interface Asks {
  request(subject: string, payload: undefined, options: { timeout: number }): Promise<Pick<Msg, 'data'>>;
}

export interface CatchUpOptions {
  /** Undefined until NATS is reached. */
  readonly nats: () => Asks | undefined;
  readonly registry: Registry;
  /** Milliseconds of a clock that only goes on; replaced by tests. */
  readonly now?: () => number;
}

/**
 * The reader's side: the sink inserts seldom while nobody reads (pace.ts), so whoever reads asks it first for what it holds.
 * A question that gets no answer keeps nobody from reading.
 */
export class CatchUp {
  readonly #options: Required<CatchUpOptions>;
  readonly #asked: Counter<'outcome'>;
  #asking: Promise<void> | undefined;
  /** When the last question that was answered was asked. */
  #freshAt = Number.NEGATIVE_INFINITY;
  #hangingUntil = Number.NEGATIVE_INFINITY;

  constructor(options: CatchUpOptions) {
    this.#options = { now: () => performance.now(), ...options };
    this.#asked = new Counter({
      name: 'weir_catch_ups_total',
      help: 'Times that the sink was asked to insert what it holds, since somebody reads.',
      labelNames: ['outcome'],
      registers: [options.registry],
    });
  }

  /** Resolves when what was charged up to a moment ago can be read, or the sink is away. Never rejects. */
  async ask(): Promise<void> {
    const { now } = this.#options;
    const at = now();
    if (at - this.#freshAt < FRESH_MS || at < this.#hangingUntil) return;
    this.#asking ??= this.#request(at).finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #request(at: number): Promise<void> {
    const { nats, now } = this.#options;
    const connection = nats();
    if (connection === undefined) return;
    try {
      const reply = await connection.request(CATCH_UP_SUBJECT, undefined, { timeout: WAIT_MS_MAX });
      const { caughtUp } = answerSchema.parse(JSON.parse(Buffer.from(reply.data).toString('utf8')));
      this.#asked.inc({ outcome: caughtUp ? 'caught_up' : 'stopped' });
      if (caughtUp) this.#freshAt = at;
    } catch (error) {
      const code = error instanceof NatsError ? error.code : '';
      // Where no sink listens NATS says so at once: it is asked for again by the next reader, since it may be starting.
      const isAway = code === ErrorCode.NoResponders;
      this.#asked.inc({ outcome: isAway ? 'away' : code === ErrorCode.Timeout ? 'hanging' : 'failed' });
      if (!isAway) this.#hangingUntil = now() + HANGING_MS;
    }
  }
}
