import { type NatsConnection, NatsError } from 'nats';
import { Gauge, type Registry } from 'prom-client';
import { z } from 'zod';
import { DEAD_LETTER_RETRY_SUBJECT } from '../../engine/contract/subjects.js';
import { WeirError } from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import { decodeCursor, encodeCursor } from '../reports/output.js';
import { cursorParameter, limitParameter } from '../reports/parameters.js';
import { retryAnswerSchema } from '../sink/dead-letter-retry.js';
import { DeadLetters } from '../sink/dead-letters.js';
import { operatorOnly } from './operator.js';

const LETTERS_DEFAULT = 100;
const LETTERS_MAX = 1_000;
/** The sink looks its rows up, and inserts them with its next round. */
const RETRY_MS_MAX = 15_000;

const listParameters = z.strictObject({ limit: limitParameter(LETTERS_DEFAULT, LETTERS_MAX), cursor: cursorParameter });
const placeSchema = z.tuple([z.int().min(0)]);

/** What could not be booked: looked at, and put through again. @param current undefined until NATS is reached. */
export function deadLetterRoutes(current: () => NatsConnection | undefined): Route[] {
  const connection = (): NatsConnection => {
    const nats = current();
    if (nats === undefined) throw new WeirError('ledger_behind', 'NATS is not reached, or NATS_URL not set');
    return nats;
  };
  const routes: Route[] = [
    {
      method: 'GET',
      path: '/v1/dead-letters',
      scope: 'admin',
      summary:
        'What could not be read on its way to the ledger, oldest first: reason, origin, time, size, how it begins.',
      query: listParameters,
      async handle(context) {
        const { limit, cursor } = context.parseQuery(listParameters);
        const [after] = decodeCursor(cursor, (place) => placeSchema.parse(place)) ?? [0];
        const letters = new DeadLetters(await reached(() => connection().jetstreamManager()));
        const { rows, next } = await reached(() => letters.list(after, limit));
        return { status: 200, json: next === undefined ? { rows } : { rows, nextCursor: encodeCursor([next]) } };
      },
    },
    {
      method: 'POST',
      path: '/v1/dead-letters/:id/retry',
      scope: 'admin',
      summary: 'Puts a dead letter through again: booked once, and removed, or kept with the reason.',
      async handle({ params: { id = '' } }) {
        if (!/^[1-9]\d{0,14}$/.test(id)) throw new WeirError('not_found', `no dead letter ${JSON.stringify(id)}`);
        const request = Buffer.from(JSON.stringify({ id: Number(id) }));
        const reply = await reached(() =>
          connection().request(DEAD_LETTER_RETRY_SUBJECT, request, { timeout: RETRY_MS_MAX }),
        );
        const answer = retryAnswerSchema.parse(JSON.parse(Buffer.from(reply.data).toString('utf8')));
        switch (answer.status) {
          case 'gone':
            throw new WeirError('not_found', `no dead letter ${JSON.stringify(id)}`);
          case 'failed':
            throw new WeirError('ledger_behind', answer.reason);
          case 'booked':
          case 'unreadable':
            return { status: 200, json: { id: Number(id), ...answer } };
        }
      },
    },
  ];
  return routes.map(operatorOnly);
}

/** A gauge of what waits among the dead letters, asked for at each scrape. */
export function countDeadLetters(nats: NatsConnection, registry: Registry): void {
  new Gauge({
    name: 'weir_dead_letters',
    help: 'Messages in the stream of dead letters; not a number while NATS cannot be reached.',
    registers: [registry],
    async collect() {
      try {
        this.set(await new DeadLetters(await nats.jetstreamManager()).count());
      } catch {
        this.set(Number.NaN);
      }
    },
  });
}

/** A NATS that is away, and a sink that does not answer, are expected failures. */
async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NatsError) throw new WeirError('ledger_behind', error.message);
    throw error;
  }
}
