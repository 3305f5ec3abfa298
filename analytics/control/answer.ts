import { WeirError } from '../../engine/index.js';
import type { Reply } from '../../ingest/http/index.js';

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
