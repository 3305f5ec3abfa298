import { type ApiKey, isRedisAway, WeirError } from '../../engine/index.js';
import type { RequestContext, Route } from '../../ingest/http/index.js';

/** A key that is bound to a customer stands for that customer: it runs nothing, whatever its scopes. */
function assertOperator(key: ApiKey | undefined): void {
  if (key?.customer !== undefined) {
    throw new WeirError('forbidden', 'this key is bound to one customer: this takes a key that is bound to none');
  }
}

/** The same route, refused to keys that are bound to a customer before anything is read. */
export const operatorOnly = (route: Route): Route => ({
  ...route,
  handle(context) {
    assertOperator(context.key);
    return route.handle(context);
  },
});

/** The same route of the catalog: a Redis that cannot be reached is an expected failure, and the same request may be sent again. */
export const onRedis = (route: Route): Route => ({
  ...route,
  async handle(context) {
    try {
      return await route.handle(context);
    } catch (error) {
      if (isRedisAway(error)) throw new WeirError('store_unavailable');
      throw error;
    }
  },
});

/**
 * Who makes a change, for the audit trail. Asked once the body is there, which may have taken long: a key that was
 * revoked meanwhile changes nothing any more.
 * @throws WeirError `invalid_key`, `forbidden`.
 */
export function actorOf(context: Pick<RequestContext, 'authorizeAgain'>): string {
  const key = context.authorizeAgain();
  assertOperator(key);
  return key?.id ?? 'unknown';
}
