import type { Entity } from '../contract/catalog.js';
import type { Random } from '../oracle/random.js';

/** Random pieces of catalogs: small limits, so that traffic reaches them, in windows of every kind. */

export const FEATURES = ['chat', 'images', 'calls'] as const;
export const EVENT_TYPE = 'llm.request';
export const PLANS = ['free', 'pro', 'team', 'scale', 'odd'] as const;
export const ADDONS = ['more', 'burst', 'seats'] as const;
export const ENTITIES = ['team', 'ann', 'bob', 'key'] as const;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'America/Sao_Paulo'];
const ANCHORS = ['2026-01-31T10:00:00Z', '2025-12-15T23:30:00Z', '2026-03-29T01:30:00Z'];
const LIMIT_IDS = ['day', 'month', 'total', 'burst', 'slow', 'parallel'] as const;
type LimitId = (typeof LIMIT_IDS)[number];

/** Meters and features stay; two features share a meter, and one event charges all three. */
export const METERS = [
  { id: 'tokens', eventType: EVENT_TYPE, aggregation: 'sum', value: '$.tokens' },
  { id: 'requests', eventType: EVENT_TYPE, aggregation: 'count' },
  { id: 'peak', eventType: EVENT_TYPE, aggregation: 'max', value: '$.tokens' },
] as const;
export const FEATURE_OBJECTS = [
  { id: 'chat', kind: 'metered', meter: 'tokens' },
  { id: 'images', kind: 'metered', meter: 'tokens' },
  { id: 'calls', kind: 'metered', meter: 'requests' },
  { id: 'sso', kind: 'boolean' },
] as const;

function randomWindow(random: Random): object {
  const every = random.pick(['minute', 'hour', 'day', 'day', 'week', 'month', 'month', 'year', 'lifetime']);
  const anchor = random.chance(0.3) ? random.pick(['subscription', ...ANCHORS]) : undefined;
  const timezone = random.chance(0.3) ? random.pick(ZONES) : undefined;
  return { every, ...(anchor === undefined ? {} : { anchor }), ...(timezone === undefined ? {} : { timezone }) };
}

function randomQuota(random: Random, id: string): object {
  const overage = random.pick([undefined, undefined, 'deny', 'allow', { upTo: random.int(0, 200) }]);
  const warnAt = random.chance(0.5) ? random.shuffle([50, 80, 100, 120]).slice(0, random.int(1, 4)) : undefined;
  return {
    id,
    kind: 'quota',
    amount: random.chance(0.1) ? random.int(0, 5) : random.int(20, 2_000),
    window: randomWindow(random),
    ...(overage === undefined ? {} : { overage }),
    ...(warnAt === undefined ? {} : { warnAt }),
    ...shadow(random),
  };
}

const shadow = (random: Random): object => (random.chance(0.1) ? { shadow: true } : {});

function randomBucket(random: Random, id: string): object {
  const refill = { amount: random.int(1, 50), everyMs: random.pick([1, 7, 100, 999, 1_000, 60_000, 3_600_000]) };
  return { id, kind: 'bucket', capacity: random.int(0, 400), refill, ...shadow(random) };
}

/** Of the id's own kind; any kind for `total`, so that a limit may come back as another one. */
function randomLimit(random: Random, id: LimitId): object {
  switch (id) {
    case 'day':
    case 'month':
      return randomQuota(random, id);
    case 'burst':
    case 'slow':
      return randomBucket(random, id);
    case 'parallel':
      return { id, kind: 'concurrency', slots: random.int(0, 6), ...shadow(random) };
    case 'total':
      return random.chance(0.1) ? randomBucket(random, id) : randomQuota(random, id);
  }
}

function randomLimits(random: Random, most: number, always?: LimitId): { id: string }[] {
  const ids = random.shuffle(LIMIT_IDS).slice(0, random.int(0, most));
  const all = always === undefined || ids.includes(always) ? ids : [always, ...ids];
  return all.map((id) => ({ ...randomLimit(random, id), id }));
}

/** Every plan has this quota, so that add-ons can add to it. */
const ADDED = { feature: 'chat', limit: 'day' } as const;

export function randomPlan(random: Random): object {
  const features = FEATURES.filter((id) => id === ADDED.feature || random.chance(0.85)).map((id) => [
    id,
    { limits: randomLimits(random, 4, id === ADDED.feature ? ADDED.limit : undefined) },
  ]);
  return { features: { ...Object.fromEntries(features), ...(random.chance(0.7) ? { sso: random.chance(0.7) } : {}) } };
}

/** A plan with one of its limits changed, gone, or with another one; the others stay as they are. */
export function editPlan(random: Random, plan: { readonly features: Readonly<Record<string, unknown>> }): object {
  const feature = random.pick(FEATURES);
  const grant = plan.features[feature];
  const limits = limitsOf(grant);
  const id = random.pick(LIMIT_IDS);
  const others = limits.filter((limit) => limit.id !== id);
  const known = limits.find((limit) => limit.id === id);
  const edited = known === undefined || random.chance(0.2) ? randomLimit(random, id) : tuned(random, known);
  const stays = feature === ADDED.feature && id === ADDED.limit;
  const next = !stays && random.chance(0.15) ? others : [...others, edited];
  return { features: { ...plan.features, [feature]: { limits: random.chance(0.3) ? random.shuffle(next) : next } } };
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function limitsOf(grant: unknown): Fields[] {
  const limits: unknown = isFields(grant) ? grant.limits : undefined;
  return Array.isArray(limits) ? limits.filter(isFields) : [];
}

/** The same limit by its definition, with another size. */
function tuned(random: Random, limit: Fields): object {
  switch (limit.kind) {
    case 'quota':
      return { ...limit, amount: random.int(0, 2_000) };
    case 'bucket':
      return random.chance(0.5)
        ? { ...limit, capacity: random.int(0, 400) }
        : { ...limit, refill: { amount: random.int(1, 50), everyMs: random.int(1, 100_000) } };
    default:
      return { ...limit, slots: random.int(0, 6) };
  }
}

/** Its limits have ids of their own: a plan and its add-ons must not bring one twice. */
export function randomAddon(random: Random, addon: string): object {
  const features = FEATURES.filter(() => random.chance(0.5)).map((id) => [
    id,
    {
      ...(id === ADDED.feature && random.chance(0.7) ? { add: { [ADDED.limit]: random.int(0, 500) } } : {}),
      limits: randomLimits(random, 2).map((limit) => ({ ...limit, id: `${addon}-${limit.id}` })),
    },
  ]);
  return { features: { ...Object.fromEntries(features), ...(random.chance(0.3) ? { sso: true } : {}) } };
}

/** A third of the customers have entities: a team with two members, one of them with a key of its own. */
export function randomCustomer(random: Random, nowMs: number): object {
  // Windows anchored to the subscription need a start.
  const startsAt = new Date(nowMs + (random.chance(0.1) ? 1 : random.int(-90, -1)) * 86_400_000).toISOString();
  const endsAt = random.chance(0.1) ? new Date(nowMs + random.int(4, 200) * 86_400_000).toISOString() : null;
  return {
    plan: random.pick(PLANS),
    addons: ADDONS.filter(() => random.chance(0.25)),
    timezone: random.pick(ZONES),
    startsAt,
    endsAt,
    status: random.chance(0.05) ? 'suspended' : 'active',
    ...(random.chance(0.35) ? { entities: randomEntities(random) } : {}),
    ...(random.chance(0.2) ? { grants: randomGrants(random, nowMs) } : {}),
  };
}

/** Some stand, some begin and some end within the days to come. */
export function randomGrants(random: Random, nowMs: number): object[] {
  const instant = (): string | null =>
    random.chance(0.5) ? null : new Date(nowMs + random.int(-86_400, 5 * 86_400) * 1_000).toISOString();
  return Array.from({ length: random.int(0, 3) }, (_, index) => {
    const [one, other] = [instant(), instant()];
    const [startsAt, endsAt] = one !== null && other !== null && one > other ? [other, one] : [one, other];
    return {
      id: `grant-${index}`,
      ...ADDED,
      amount: random.int(1, 500),
      startsAt,
      endsAt: endsAt === startsAt ? null : endsAt,
    };
  });
}

function randomEntities(random: Random): object[] {
  const parents: Readonly<Record<string, string>> = { ann: 'team', bob: 'team', key: 'ann' };
  return ENTITIES.map((id) => below(parents[id], { id, features: entityLimits(random) }));
}

const below = (parent: string | undefined, entity: object): object =>
  parent === undefined ? entity : { ...entity, parent };

function entityLimits(random: Random): object {
  const limited = FEATURES.filter(() => random.chance(0.4));
  return Object.fromEntries(limited.map((feature) => [feature, { limits: randomLimits(random, 2) }]));
}

/**
 * One entity moves below another, gets other limits, goes, or comes back. What cannot be (a circle, one that is gone from
 * above another) is for the registry to refuse.
 */
export function editEntities(random: Random, entities: readonly Entity[]): object[] {
  const gone = ENTITIES.filter((id) => !entities.some((entity) => entity.id === id));
  if (gone.length > 0 && random.chance(0.6)) {
    return [
      ...entities,
      below(random.pick([undefined, 'team']), { id: random.pick(gone), features: entityLimits(random) }),
    ];
  }
  const edited = random.pick(ENTITIES);
  if (random.chance(0.15)) return entities.filter(({ id }) => id !== edited);
  const edit = ({ id, parent, features }: Entity): object =>
    random.chance(0.6)
      ? below(random.pick([undefined, ...ENTITIES]), { id, features })
      : below(parent, { id, features: entityLimits(random) });
  return entities.map((entity) => (entity.id === edited ? edit(entity) : entity));
}
