import type { Request } from 'autocannon';
import { DIALECTS } from './dialects.js';
import { LatencyHistogram } from './histogram.js';
import { HttpConnection } from './http-connection.js';
import type { LoadJob, LoadResult } from './job.js';
import { buildRequests, decisionsIn, largestAmount, requestWriter, shareOf } from './requests.js';
import { Tally } from './tally.js';

/** From the end until what is unanswered counts as lost. */
const TIMEOUT_MS = 10_000;

/**
 * The same load as autocannon's, one request at a time on each connection, by connections of our own. A commit names the
 * hold before it, so that its request is another one each time; autocannon then makes all of it anew, which costs as
 * much as the server's answer.
 *
 * @throws Error for bodies that are no text.
 */
export async function generateClosedLoop(job: LoadJob): Promise<LoadResult> {
  const tally = new Tally(DIALECTS[job.dialect]);
  const histogram = new LatencyHistogram();
  const groups = buildRequests(job, tally);
  const startedMs = performance.now();
  const endMs = job.seconds === undefined ? Number.POSITIVE_INFINITY : startedMs + job.seconds * 1_000;
  const each = job.requests === undefined ? Number.POSITIVE_INFINITY : Math.ceil(job.requests / job.connections);
  let answered = 0;
  const drive = async (connection: number): Promise<void> => {
    const share = shareOf(groups, connection, job.connections);
    const write = writer(job, share);
    let onGone: () => void = () => undefined;
    const http = await HttpConnection.open(job.baseUrl, () => onGone());
    const timer = setTimeout(() => onGone(), TIMEOUT_MS);
    for (let sent = 0; sent < each && performance.now() < endMs; sent++) {
      const request = share[sent % share.length];
      if (request === undefined) throw new Error(`${job.workload} has no requests`);
      const sentMs = performance.now();
      const isAnswered = await new Promise<boolean>((resolve) => {
        onGone = () => resolve(false);
        timer.refresh();
        http.send(write(sent % share.length), (status, body) => {
          request.onResponse(status, body);
          resolve(true);
        });
      });
      if (!isAnswered) {
        tally.unanswered(largestAmount(job));
        break;
      }
      const nowMs = performance.now();
      if (nowMs <= endMs) {
        answered += 1;
        histogram.add(nowMs - sentMs);
      }
    }
    clearTimeout(timer);
    http.close();
  };
  await Promise.all(Array.from({ length: job.connections }, (_, connection) => drive(connection)));
  return {
    ...tally.result(),
    seconds: job.seconds ?? (performance.now() - startedMs) / 1_000,
    requests: answered,
    decisions: decisionsIn(answered - tally.undecided, job.workload),
    p50Ms: histogram.quantile(0.5),
    p99Ms: histogram.quantile(0.99),
    maxMs: histogram.maxMs,
  };
}

/** Writes the n-th request of a connection; those that never change are written once. */
function writer(job: LoadJob, requests: readonly Request[]): (place: number) => string {
  const context: Record<string, string> = {};
  const write = requestWriter(job);
  const textOf = ({ path, body }: Request): string => {
    if (typeof body !== 'string') throw new Error('a body that is no text');
    return write(path, body);
  };
  const written = requests.map((request) => (request.setupRequest === undefined ? textOf(request) : undefined));
  return (place) => {
    const request = requests[place];
    if (request === undefined) throw new Error(`there is no request ${place}`);
    return written[place] ?? textOf(request.setupRequest?.(request, context) ?? request);
  };
}
