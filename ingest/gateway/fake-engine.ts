import {
  type CheckOutcome,
  type CheckRequest,
  type Decision,
  type Engine,
  type EventInput,
  type EventOutcome,
  NO_POLICY,
  parseAmount,
  type RateLimitPolicy,
  WeirError,
} from '../../engine/index.js';

/**
 * Test support: an engine in memory for tests of the edge. It knows the customers `acme` and `globex` with a quota of
 * 1 000 and a bucket of 100 on `chat`, a boolean feature `sso` and a config feature `seats`; it counts, and that is all
 * it shares with the real one.
 */
export class FakeEngine implements Engine {
  readonly used = new Map<string, number>();
  readonly events: EventInput[] = [];
  readonly #seen = new Set<string>();
  readonly #resetAtMs = Date.UTC(2099, 0, 1);
  scale = 0;

  /** Like the real one, it reports what is wrong with a check as its outcome, and throws what is wrong with the store. */
  async check(request: CheckRequest): Promise<CheckOutcome> {
    try {
      return this.#decide(request);
    } catch (error) {
      if (!(error instanceof WeirError) || error.status >= 500) throw error;
      return { status: 'failed', code: error.code, message: error.message };
    }
  }

  async checkMany(requests: readonly CheckRequest[]): Promise<CheckOutcome[]> {
    return Promise.all(requests.map((request) => this.check(request)));
  }

  #decide(request: CheckRequest): CheckOutcome {
    const amount = parseAmount(request.amount, this.scale);
    const plain = { ...NOTHING, allowed: true, reason: 'ok' } as const;
    if (request.feature === 'down') throw new WeirError('store_unavailable');
    if (request.feature === 'bug') throw new Error('a bug');
    if (request.feature === 'conflict') {
      return { status: 'failed', code: 'id_conflict', message: new WeirError('id_conflict').message };
    }
    if (request.customer !== 'acme' && request.customer !== 'globex') {
      return { status: 'decided', scale: 0, policy: NO_POLICY, decision: { ...NOTHING, reason: 'unknown_customer' } };
    }
    if (request.feature === 'sso')
      return { status: 'decided', scale: 0, policy: NO_POLICY, decision: { ...plain, value: true } };
    if (request.feature === 'seats')
      return { status: 'decided', scale: 0, policy: NO_POLICY, decision: { ...plain, value: 25 } };
    if (request.feature === 'audit')
      return { status: 'decided', scale: 0, policy: NO_POLICY, decision: { ...NOTHING, reason: 'not_entitled' } };
    if (request.feature !== 'chat') {
      return { status: 'decided', scale: 0, policy: NO_POLICY, decision: { ...NOTHING, reason: 'unknown_feature' } };
    }
    const used = this.used.get(request.customer) ?? 0;
    const allowed = used + amount <= 1_000;
    const after = allowed && !request.dryRun ? used + amount : used;
    this.used.set(request.customer, after);
    return {
      status: 'decided',
      scale: this.scale,
      policy: POLICY,
      decision: this.#metered(allowed, after, after - used),
    };
  }

  #metered(allowed: boolean, used: number, charged: number): Decision {
    return {
      ...NOTHING,
      allowed,
      reason: allowed ? 'ok' : 'limit_exceeded',
      deniedBy: allowed ? [] : ['monthly'],
      retryAfterMs: allowed ? 0 : 1_500,
      crossed: charged > 0 && used >= 800 && used - charged < 800 ? [{ limit: 'monthly', threshold: 80 }] : [],
      remaining: 1_000 - used,
      resetAtMs: this.#resetAtMs,
      limits: {
        monthly: {
          kind: 'quota',
          included: 1_000,
          used,
          reserved: 0,
          overage: 0,
          remaining: 1_000 - used,
          headroom: 1_000 - used,
          resetAtMs: this.#resetAtMs,
        },
        burst: { kind: 'bucket', capacity: 100, remaining: 100 },
      },
    };
  }

  async record(events: readonly EventInput[]): Promise<EventOutcome[]> {
    return events.map((event) => {
      const identity = JSON.stringify([event.customer, event.source, event.id]);
      const refuse = (error: WeirError): EventOutcome => ({
        status: 'rejected',
        code: error.code,
        message: error.message,
      });
      if (event.customer !== 'acme' && event.customer !== 'globex') return refuse(new WeirError('unknown_customer'));
      if (event.type !== 'llm.request') return refuse(new WeirError('unknown_event_type'));
      if (event.data.tokens === undefined)
        return refuse(new WeirError('missing_value', '$.tokens', { field: 'data.tokens' }));
      if ((event.happenedAtMs ?? 0) > Date.now() + 300_000) return refuse(new WeirError('time_in_future'));
      if (this.#seen.has(identity)) return { status: 'duplicate' };
      this.#seen.add(identity);
      this.events.push(event);
      return { status: 'accepted', degraded: false };
    });
  }

  async reserve(): Promise<never> {
    throw new WeirError('unknown_reservation');
  }

  commit = this.reserve;
  heartbeat = this.reserve;
  release = this.reserve;

  async usage(customer: string): ReturnType<Engine['usage']> {
    if (customer !== 'acme') throw new WeirError('unknown_customer');
    const { limits } = this.#metered(true, this.used.get(customer) ?? 0, 0);
    return { version: 7, features: { chat: { scale: this.scale, limits } } };
  }

  async entitlements(customer: string): ReturnType<Engine['entitlements']> {
    if (customer !== 'acme') throw new WeirError('unknown_customer');
    return {
      version: 7,
      plan: 'pro',
      status: 'active',
      startsAt: null,
      endsAt: null,
      features: { sso: { kind: 'boolean', entitled: true, value: true } },
    };
  }

  async ready(): ReturnType<Engine['ready']> {
    return { ready: true, problems: [] };
  }

  async close(): Promise<void> {}
}

const POLICY: RateLimitPolicy = {
  text: '"monthly";q=1000;w=2592000, "burst";q=100;w=10',
  items: [
    { limit: 'monthly', quoted: '"monthly"' },
    { limit: 'burst', quoted: '"burst"' },
  ],
};

const NOTHING: Decision = {
  allowed: false,
  reason: 'ok',
  deniedBy: [],
  shadowDeniedBy: [],
  retryAfterMs: null,
  crossed: [],
  limits: {},
  remaining: null,
  resetAtMs: null,
  replayed: false,
  degraded: false,
  version: 7,
};
