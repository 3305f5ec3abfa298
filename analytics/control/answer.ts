import { WeirError } from '../../engine/index.js';
import type { Reply, Route } from '../../ingest/http/index.js';
import type { CatchUp } from '../sink/catch-up.js';

/** Codes of Node's and the client's errors for a server that cannot be reached. */
const UNREACHABLE = /ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EPIPE|EAI_AGAIN|socket hang up|Timeout error/;

/** A ClickHouse that cannot be reached is an expected failure; everything else is passed on. */
export async function answer(work: () => Promise<Reply>): Promise<Reply> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WeirError || !(error instanceof Error)) throw error;
    const code = 'code' in error ? String(error.code) : '';
    if (UNREACHABLE.test(code) || UNREACHABLE.test(error.message)) throw new WeirError('reports_unavailable');
    throw error;
  }
}

/**
 * The same route, which reads what the sink held when it was asked, and not what it happened to insert last. Of GET alone:
 * a body would have to be read first.
 */
export const caughtUp =
  (catchUp: Pick<CatchUp, 'ask'>) =>
  (route: Route): Route =>
    route.method === 'GET'
      ? {
          ...route,
          async handle(context) {
            await catchUp.ask();
            return await route.handle(context);
          },
        }
      : route;
