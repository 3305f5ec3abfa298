import { z } from 'zod';
import {
  type Engine,
  ERRORS,
  EVENT_BODY_BYTES_MAX,
  type EventOutcome,
  eventSchema,
  WeirError,
} from '../../engine/index.js';
import { parseJson, type Reply, type RequestContext, type Route, type WireBody } from '../http/index.js';
import { RequestCaller } from './caller.js';
import { type EventChunk, type EventFormat, type RejectedEvent, tooDeep } from './decode.js';
import type { DecodePool } from './decode-pool.js';
import type { KeySource } from './key-cache.js';
import type { GatewayMetrics } from './metrics.js';

/** Chunks of one request that are with the engine at once: enough to fill its calls, too few to fill its queue. */
const CHUNKS_IN_FLIGHT_MAX = 4;

const JSON_TYPES = ['application/cloudevents+json', 'application/cloudevents-batch+json', 'application/json', ''];
const LINE_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];

const eventsAnswerSchema = z.object({
  accepted: z.int(),
  duplicates: z.int(),
  rejected: z.array(
    z.object({
      index: z.int(),
      id: z.string().nullable(),
      code: z.enum(Object.keys(ERRORS)),
      message: z.string(),
      field: z.string().optional(),
    }),
  ),
  degraded: z.boolean().optional(),
});
type EventsAnswer = z.output<typeof eventsAnswerSchema>;

export interface EventParts {
  readonly engine: Engine;
  readonly keys: KeySource;
  readonly pool: DecodePool;
  readonly metrics: GatewayMetrics;
}

/** `POST /v1/events`, and the same under the path of OpenMeter's API. */
export function eventRoutes(parts: EventParts): Route[] {
  const shared = {
    method: 'POST',
    scope: 'ingest',
    summary: 'Charges usage events (CloudEvents 1.0): one, an array, or one a line',
    request: z.union([eventSchema, z.array(eventSchema)]),
    requestTypes: [...JSON_TYPES.filter((type) => type !== ''), 'application/x-ndjson'],
    response: eventsAnswerSchema,
    bodyBytesMax: EVENT_BODY_BYTES_MAX,
  } as const;
  return [
    {
      ...shared,
      path: '/v1/events',
      successStatus: 202,
      handle: async (context) => ({ status: 202, json: await ingest(context, parts) }),
    },
    {
      ...shared,
      path: '/api/v1/events',
      hidden: true,
      handle: async (context) => openMeterReply(await ingest(context, parts)),
    },
  ];
}

/**
 * OpenMeter answers ingest with 204, and its Python SDK takes nothing else for success. What was refused must not pass
 * in silence, though: then it is 202 with the body, as under our own path.
 */
function openMeterReply(answer: EventsAnswer): Reply {
  return answer.rejected.length === 0 && answer.degraded !== true ? { status: 204 } : { status: 202, json: answer };
}

/** Decodes, charges chunk by chunk, and counts. */
async function ingest(context: RequestContext, { engine, keys, pool, metrics }: EventParts): Promise<EventsAnswer> {
  const { body, format } = await readBody(context);
  const caller = new RequestCaller(context, keys);
  const tally = new Tally();
  const inFlight: Promise<void>[] = [];
  let failure: unknown;
  for await (const chunk of pool.events(body, format, context.key?.customer)) {
    tally.reject(chunk.rejected);
    if (chunk.events.length === 0) continue;
    const charged = engine.record(chunk.events, caller).then((outcomes) => tally.count(chunk, outcomes));
    inFlight.push(
      charged.catch((error: unknown) => {
        failure ??= error;
      }),
    );
    if (inFlight.length >= CHUNKS_IN_FLIGHT_MAX) await inFlight.shift();
    if (failure !== undefined) break;
  }
  // All fates are known before anything is answered. One failure fails the request: sending it again charges nothing twice.
  await Promise.all(inFlight);
  // Also of a request that fails: what was charged of it is, and comes again as duplicates.
  const answer = tally.answer();
  metrics.recorded(answer);
  if (failure !== undefined) throw failure;
  return answer;
}

/** What became of the events so far. */
class Tally {
  #accepted = 0;
  #duplicates = 0;
  #degraded = false;
  readonly #rejected: RejectedEvent[] = [];

  reject(rejected: readonly RejectedEvent[]): void {
    this.#rejected.push(...rejected);
  }

  count(chunk: EventChunk, outcomes: readonly EventOutcome[]): void {
    if (outcomes.length !== chunk.events.length) {
      throw new Error(`${outcomes.length} outcomes for ${chunk.events.length} events`);
    }
    outcomes.forEach((outcome, place) => {
      if (outcome.status === 'accepted') {
        this.#accepted += 1;
        this.#degraded ||= outcome.degraded;
      } else if (outcome.status === 'duplicate') this.#duplicates += 1;
      else {
        const { code, message } = outcome;
        this.#rejected.push({ index: chunk.indexes[place] ?? -1, id: chunk.events[place]?.id ?? null, code, message });
      }
    });
  }

  answer(): EventsAnswer {
    return {
      accepted: this.#accepted,
      duplicates: this.#duplicates,
      rejected: this.#rejected.sort((left, right) => left.index - right.index),
      ...(this.#degraded ? { degraded: true } : {}),
    };
  }
}

async function readBody(context: RequestContext): Promise<{ body: WireBody; format: EventFormat }> {
  if (context.header('ce-specversion') !== '' || context.header('ce-id') !== '') {
    return { body: await binaryEvent(context), format: 'json' };
  }
  const format = formatOf(context.header('content-type'));
  return { body: await context.wireBody(), format };
}

/** @throws WeirError unsupported_media_type */
function formatOf(contentType: string): EventFormat {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (JSON_TYPES.includes(type)) return 'json';
  if (LINE_TYPES.includes(type)) return 'lines';
  throw new WeirError(
    'unsupported_media_type',
    'send application/cloudevents+json, application/cloudevents-batch+json, application/json or application/x-ndjson',
  );
}

/** Attributes that binary mode carries in headers; extensions of the sender are not kept, so they are not read. */
const BINARY_ATTRIBUTES = ['specversion', 'id', 'source', 'type', 'subject', 'time', 'entity'];

/**
 * An event in binary mode (CloudEvents HTTP protocol binding 1.0.2, section 3.1): attributes in `ce-` headers,
 * percent-encoded, and the data as the body. Put together as the JSON format would have it.
 */
async function binaryEvent(context: RequestContext): Promise<WireBody> {
  const type = context.header('content-type').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const bytes = await context.body();
  if (bytes.length > 0 && type !== 'application/json' && !type.endsWith('+json')) {
    throw new WeirError('unsupported_media_type', 'the data of an event in binary mode must be application/json');
  }
  const event: Record<string, unknown> = {};
  for (const name of BINARY_ATTRIBUTES) {
    const value = context.header(`ce-${name}`);
    if (value !== '') event[name] = percentDecoded(value, `ce-${name}`);
  }
  if (bytes.length > 0) event.data = parseJson(bytes);
  return { bytes: Buffer.from(spelled(event)), gzip: false };
}

/** JSON.parse reads nesting deeper than JSON.stringify can write. @throws WeirError invalid_request */
function spelled(event: object): string {
  try {
    return JSON.stringify(event);
  } catch (error) {
    throw error instanceof RangeError ? tooDeep() : error;
  }
}

function percentDecoded(value: string, header: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new WeirError('invalid_request', `${header} is not percent-encoded UTF-8`, { field: header });
  }
}
