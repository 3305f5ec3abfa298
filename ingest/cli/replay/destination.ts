import { setTimeout as delay } from 'node:timers/promises';
import {
  type CheckInput,
  type CheckResult,
  isRetryCode,
  type UsageEvent,
  type WeirClient,
} from '../../client/index.js';
import type { CustomerBook } from './customers.js';
import type { Item } from './mapping.js';
import type { BatchOutcome } from './tally.js';

/** Where the rows go. @throws WeirApiError for a batch as a whole. */
export type Destination = (items: readonly Item[]) => Promise<BatchOutcome>;

/** Attempts for single checks of a batch that failed for a passing reason. */
const CHECK_RETRIES_MAX = 5;
const CHECK_RETRY_MS = 200;

/** Usage that has happened: `POST /v1/events`. */
export function eventsDestination(client: WeirClient, book: CustomerBook | undefined): Destination {
  return async (items) => {
    await book?.ensure(items.map(({ customer }) => customer));
    const events = items.map(({ event }) => event).filter((event): event is UsageEvent => event !== undefined);
    return { ...(await client.events(events)), denied: [] };
  };
}

/** Usage that asks first, as an API would: `POST /v1/check/batch`. */
export function checksDestination(client: WeirClient, book: CustomerBook | undefined): Destination {
  return async (items) => {
    await book?.ensure(items.map(({ customer }) => customer));
    const checks = items.map(({ check }) => check).filter((check): check is CheckInput => check !== undefined);
    const results = await client.checkBatch(checks);
    for (let attempt = 0; attempt < CHECK_RETRIES_MAX; attempt++) {
      const again = results.flatMap((result, index) => (isPassing(result) ? [index] : []));
      if (again.length === 0) break;
      await delay(CHECK_RETRY_MS * (attempt + 1));
      const repeated = again.map((index) => checks[index]).filter((check) => check !== undefined);
      const answers = await client.checkBatch(repeated);
      answers.forEach((answer, place) => {
        const index = again[place];
        if (index !== undefined) results[index] = answer;
      });
    }
    return outcomeOf(results);
  };
}

/** Checks carry ids, so asking again is never charged twice. */
const isPassing = (result: CheckResult): boolean => isFailure(result) && isRetryCode(result.error.code);

type Failure = Extract<CheckResult, { error: unknown }>;
const isFailure = (result: CheckResult): result is Failure => 'error' in result;

function outcomeOf(results: readonly CheckResult[]): BatchOutcome {
  let accepted = 0;
  let duplicates = 0;
  const rejected: { index: number; code: string; message: string }[] = [];
  const denied: { index: number; reason: string }[] = [];
  results.forEach((result, index) => {
    if (isFailure(result)) rejected.push({ index, code: result.error.code, message: result.error.message });
    else if (!result.allowed) denied.push({ index, reason: result.reason });
    else if (result.replayed) duplicates += 1;
    else accepted += 1;
  });
  // Checks that were repeated by the client count as replays, but it does not tell which.
  return { accepted, duplicates, resent: 0, rejected, denied };
}
