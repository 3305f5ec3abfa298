import { EVENT_BATCH_MAX, EVENT_BODY_BYTES_MAX } from '../../engine/contract/constants.js';
import { eventsAnswerSchema, type RejectedEvent } from './answers.js';
import { isRetryCode, WeirApiError } from './error.js';
import { parseAnswer, type Transport } from './transport.js';

/** A CloudEvent without its ceremony. `source` and `id` are its identity: sent again, it is a duplicate. */
export interface UsageEvent {
  readonly id: string;
  /** `weir` when left out. */
  readonly source?: string | undefined;
  /** Picks the meters. */
  readonly type: string;
  /** The customer. */
  readonly subject: string;
  /** When it happened, RFC 3339; left out: when it is charged. */
  readonly time?: string | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  /** The entity below the customer. */
  readonly entity?: string | undefined;
}

/** What became of the events of one call. */
export interface EventsOutcome {
  readonly accepted: number;
  readonly duplicates: number;
  /** `index` is the place among the events of the call. */
  readonly rejected: readonly RejectedEvent[];
  /** True when Redis was away and some are kept on the gateway's disk. */
  readonly degraded: boolean;
  /**
   * Events that were sent more than once, since an answer was lost or said to try again. What the first attempt had
   * charged by then counts as a duplicate: up to so many of `duplicates` are of this very call.
   */
  readonly resent: number;
}

interface Body {
  readonly lines: string;
  /** Places of its events among all. */
  readonly indexes: number[];
}

/** Sends events as lines (ndjson), body by body; those refused for a passing reason are sent again. */
export async function sendEvents(
  transport: Transport,
  url: string,
  events: readonly UsageEvent[],
  signal: AbortSignal | undefined,
): Promise<EventsOutcome> {
  let accepted = 0;
  let duplicates = 0;
  let degraded = false;
  let resent = 0;
  let rejected: RejectedEvent[] = [];
  let pending = events.map((_, index) => index);
  for (let attempt = 0; pending.length > 0; attempt++) {
    const again: RejectedEvent[] = [];
    for (const body of bodiesOf(events, pending)) {
      const answer = await sendBody(transport, url, body, signal);
      accepted += answer.accepted;
      duplicates += answer.duplicates;
      degraded ||= answer.degraded;
      resent += answer.resent;
      for (const item of answer.rejected) {
        const told = { ...item, index: body.indexes[item.index] ?? -1 };
        if (isRetryCode(item.code) && told.index >= 0) again.push(told);
        else rejected.push(told);
      }
    }
    if (attempt >= transport.retriesMax) {
      rejected = rejected.concat(again);
      break;
    }
    pending = again.map(({ index }) => index);
    if (pending.length > 0) await transport.pause(attempt, undefined, signal);
  }
  rejected.sort((left, right) => left.index - right.index);
  return { accepted, duplicates, rejected, degraded, resent };
}

async function sendBody(
  transport: Transport,
  url: string,
  body: Body,
  signal: AbortSignal | undefined,
): Promise<EventsOutcome> {
  const sent = body.indexes.length;
  const { text, status, attempts } = await transport.send({
    method: 'POST',
    url,
    body: body.lines,
    contentType: 'application/x-ndjson',
    repeatable: true,
    signal,
  });
  const { accepted, duplicates, rejected, degraded = false } = parseAnswer(text, status, { url }, eventsAnswerSchema);
  const told = accepted + duplicates + rejected.length;
  if (told === sent) return { accepted, duplicates, rejected, degraded, resent: attempts > 1 ? sent : 0 };
  const message = `${url} told the fate of ${told} events out of ${sent}`;
  throw new WeirApiError('unexpected_answer', message, { status });
}

/** As few bodies as the bounds of a request allow. An event that is too large for any goes alone, and is refused. */
function* bodiesOf(events: readonly UsageEvent[], indexes: readonly number[]): Generator<Body> {
  let lines: string[] = [];
  let places: number[] = [];
  let bytes = 0;
  for (const index of indexes) {
    const line = JSON.stringify(events[index]);
    // Three bytes of UTF-8 at most for a UTF-16 unit; counted exactly only where it may matter.
    const lineBytes = line.length * 3 < EVENT_BODY_BYTES_MAX / EVENT_BATCH_MAX ? line.length * 3 : byteLength(line);
    if (places.length === EVENT_BATCH_MAX || (places.length > 0 && bytes + lineBytes + 1 > EVENT_BODY_BYTES_MAX)) {
      yield { lines: lines.join('\n'), indexes: places };
      lines = [];
      places = [];
      bytes = 0;
    }
    lines.push(line);
    places.push(index);
    bytes += lineBytes + 1;
  }
  if (places.length > 0) yield { lines: lines.join('\n'), indexes: places };
}

const encoder = new TextEncoder();
const byteLength = (text: string): number => encoder.encode(text).length;
