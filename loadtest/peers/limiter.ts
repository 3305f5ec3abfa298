import uWS from 'uWebSockets.js';
import { z } from 'zod';
import type { BareResult } from '../baselines/bare-job.js';
import { serveRole } from '../scenarios/role-child.js';
import { type LimiterJob, limiterJobSchema } from './limiter-job.js';

const HOST = '127.0.0.1';
const askedSchema = z.object({ customer: z.string(), amount: z.int() });

/** A library that decides one check on a bucket and a quota; true: admitted. */
export type Limiter = (customer: string, amount: number) => Promise<boolean>;

/**
 * The bare server (loadtest/baselines/bare.ts) with a library behind it: it parses a check's JSON, asks the library, and
 * answers with a bit. It knows no key, and validates nothing but the check's two fields.
 */
export async function startLimiterServer(job: LimiterJob): Promise<BareResult> {
  const limiter = await openLimiter(job);
  const app = uWS.App().post('/*', (res) => {
    let aborted = false;
    let held: Buffer | undefined;
    res.onAborted(() => {
      aborted = true;
    });
    const answer = (status: string, body: string) => {
      if (aborted) return;
      res.cork(() => {
        if (status !== '200 OK') res.writeStatus(status);
        res.writeHeader('content-type', 'application/json').end(body);
      });
    };
    res.onData((chunk, isLast) => {
      const bytes = Buffer.from(chunk);
      if (!isLast || held !== undefined) held = Buffer.concat(held === undefined ? [bytes] : [held, bytes]);
      if (!isLast) return;
      const { customer, amount } = askedSchema.parse(JSON.parse((held ?? bytes).toString()));
      limiter(customer, amount).then(
        (allowed) => answer('200 OK', `{"allowed":${allowed}}`),
        (error: unknown) => answer('500 Internal Server Error', JSON.stringify({ error: String(error) })),
      );
    });
  });
  return new Promise((resolve, reject) => {
    app.listen(HOST, 0, (socket) => {
      if (socket === false) reject(new Error(`cannot listen on ${HOST}`));
      else resolve({ port: uWS.us_socket_local_port(socket) });
    });
  });
}

/** Each library is loaded where it is asked for alone. */
async function openLimiter(job: LimiterJob): Promise<Limiter> {
  switch (job.library) {
    case 'rate-limiter-flexible':
      return (await import('./rate-limiter-flexible.js')).openRateLimiterFlexible(job);
    case 'upstash':
      return (await import('./upstash.js')).openUpstash(job);
  }
}

/** The server as a process of its own. */
export function runLimiterServer(): void {
  serveRole(limiterJobSchema, startLimiterServer);
}
