import autocannon, { type Client } from 'autocannon';
import { generateClosedLoop } from './closed-loop.js';
import { DIALECTS } from './dialects.js';
import { LatencyHistogram } from './histogram.js';
import { type LoadJob, type LoadResult, loadJobSchema } from './job.js';
import { generateOpenLoop } from './open-loop.js';
import { buildRequests, decisionsIn, largestAmount, shareOf } from './requests.js';
import { serveRole } from './role-child.js';
import { Tally } from './tally.js';

/** A request that takes longer counts as unanswered. */
const TIMEOUT_SECONDS = 10;
const LOOK_MS = 100;

/**
 * Puts load on one address by autocannon, in the process this runs in: one request at a time on each of a number of
 * keep-alive connections. Resolves when every request that was sent is answered, or given up.
 */
export async function generateLoad(job: LoadJob): Promise<LoadResult> {
  const tally = new Tally(DIALECTS[job.dialect]);
  const requests = buildRequests(job, tally);
  const histogram = new LatencyHistogram();
  const clients: Client[] = [];
  let answered = 0;
  let endedMs: number | undefined;
  const onResponse = (_status: number, _bytes: number, latencyMs: number) => {
    if (endedMs !== undefined) return;
    answered += 1;
    histogram.add(latencyMs);
  };
  const end = () => {
    endedMs = performance.now();
    // autocannon's own end of a run drops what is under way, and then nobody knows what was admitted.
    for (const client of clients) client.responseMax = Math.max(1, client.reqsMade);
  };
  let startedMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  /** Making the connections' requests takes a while, in which nothing is sent. */
  const begin = () => {
    startedMs = performance.now();
    if (job.seconds !== undefined) timer = setTimeout(end, job.seconds * 1_000);
  };
  const result = await autocannon({
    url: job.baseUrl,
    connections: job.connections,
    pipelining: 1,
    duration: (job.seconds ?? 0) + 3 * TIMEOUT_SECONDS,
    ...(job.requests === undefined ? {} : { amount: job.requests }),
    timeout: TIMEOUT_SECONDS,
    sampleInt: LOOK_MS,
    setupClient: (client) => {
      client.setRequests(shareOf(requests, clients.length, job.connections));
      client.on('response', onResponse);
      clients.push(client);
      if (clients.length === job.connections) begin();
    },
  });
  clearTimeout(timer);
  for (let lost = 0; lost < result.errors; lost++) tally.unanswered(largestAmount(job));
  return {
    ...tally.result(),
    seconds: ((endedMs ?? performance.now()) - startedMs) / 1_000,
    requests: answered,
    decisions: decisionsIn(answered - tally.undecided, job.workload),
    p50Ms: histogram.quantile(0.5),
    p99Ms: histogram.quantile(0.99),
    maxMs: histogram.maxMs,
  };
}

/** The generator as a process of its own: it shares its event loop with nothing. */
export function runGenerator(): void {
  serveRole(loadJobSchema, (job) => {
    if (job.ratePerSecond !== undefined) return generateOpenLoop(job);
    return job.lean ? generateClosedLoop(job) : generateLoad(job);
  });
}
