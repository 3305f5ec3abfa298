import { describe, expect, it } from 'vitest';
import { parseCatalog } from './document.js';
import { validateCatalog } from './validate.js';

/** Faults of a file, as `line:column path: message`. */
function faultsOf(text: string): string[] {
  const parsed = parseCatalog(text);
  const problems = validateCatalog(parsed.document, undefined, parsed.broken);
  return parsed.faults(problems).map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}

const METERED = `
meters:
  - { id: tokens, eventType: llm.request, aggregation: sum, value: $.totalTokens }
  - { id: peak, eventType: llm.request, aggregation: max, value: $.totalTokens }
features:
  - { id: chat, kind: metered, meter: tokens }
  - { id: top, kind: metered, meter: peak }
  - { id: sso, kind: boolean }
  - { id: region, kind: config }
`;
const quota = (id: string, rest = ''): string =>
  `{ id: ${id}, kind: quota, amount: 10, window: { every: month }${rest} }`;
const plan = (id: string, features: string): string => `  - { id: ${id}, features: { ${features} } }\n`;

describe('a catalog file', () => {
  it('that holds has no faults, and its times stay text', () => {
    const text = `${METERED}plans:
${plan('pro', `chat: { limits: [${quota('m', ', warnAt: [80]')}] }, top: {}, sso: true, region: eu`)}
addons:
  - { id: more, features: { chat: { add: { m: 5 } } } }
customers:
  - { id: acme, plan: pro, addons: [more, more], startsAt: 2026-01-31T10:00:00Z, timezone: Europe/Berlin }
`;
    expect(faultsOf(text)).toEqual([]);
    expect(parseCatalog(text).document.customers).toEqual([
      {
        id: 'acme',
        plan: 'pro',
        addons: ['more', 'more'],
        startsAt: '2026-01-31T10:00:00Z',
        timezone: 'Europe/Berlin',
        status: 'active',
      },
    ]);
  });

  it('may leave out every section, and be JSON', () => {
    expect(faultsOf('{}')).toEqual([]);
    expect(faultsOf('plans:\ncustomers:\n')).toEqual([]);
    expect(faultsOf('{"plans":[{"id":"pro"}],\n"customers":[{"id":"acme","plan":"free"}]}')).toEqual([
      '2:27 customers[0].plan: there is no plan "free"',
    ]);
  });

  it('names every fault of its objects with its line, unknown fields too', () => {
    const text = `${METERED}plans:
  - id: pro
    price: 3
    features:
      chat:
        limits:
          - { id: burst, kind: bucket, capacity: 1.5, refill: { amount: 9007199254740991, everyMs: 2 } }
          - { id: m, kind: quota, amount: -1, window: { every: fortnight }, overage: { upto: 3 } }
          - { id: n, kind: tap }
          - { kind: quota, amount: 5, window: { every: day, timezone: Mars/Olympus } }
customers:
  - { id: acme, plan: pro, startsAt: 2026-01-31, status: asleep }
  - { plan: pro, endsAt: "2026-01-31T10:00:00Z", startsAt: "2026-02-31T10:00:00Z" }
seats: []
`;
    expect(faultsOf(text)).toMatchInlineSnapshot(`
      [
        "12:5 plans[0].price: there is no field "price" here",
        "16:40 plans[0].features.chat.limits[0].capacity: must be a whole number",
        "17:35 plans[0].features.chat.limits[1].amount: must be a whole number",
        "17:57 plans[0].features.chat.limits[1].window.every: Invalid option: expected one of "minute"|"hour"|"day"|"week"|"month"|"year"|"lifetime"",
        "17:77 plans[0].features.chat.limits[1].overage.upTo: must be a whole number",
        "17:88 plans[0].features.chat.limits[1].overage.upto: there is no field "upto" here",
        "18:22 plans[0].features.chat.limits[2].kind: Invalid discriminator value. Expected 'bucket' | 'quota' | 'concurrency'",
        "19:13 plans[0].features.chat.limits[3].id: is needed: string",
        "19:61 plans[0].features.chat.limits[3].window.timezone: must be an IANA time zone such as Europe/Berlin",
        "21:28 customers[0].startsAt: must be an RFC 3339 time such as 2026-01-31T10:00:00Z",
        "21:50 customers[0].status: Invalid option: expected one of "active"|"suspended"",
        "22:5 customers[1].id: is needed: string",
        "22:50 customers[1].startsAt: must be an RFC 3339 time such as 2026-01-31T10:00:00Z",
        "23:1 seats: there is no section "seats"",
      ]
    `);
  });

  it('names every fault between its objects', () => {
    const text = `${METERED}  - { id: ghost, kind: metered, meter: nothing }
plans:
${plan('pro', `chat: true, sso: { limits: [] }, region: { limits: [] }, none: 1, top: { limits: [${quota('m')}] }`)}
${plan('big', `chat: { limits: [{ id: m, kind: quota, amount: 9007199254740991, window: { every: day }, overage: { upTo: 1 } }, { id: b, kind: bucket, capacity: 1, refill: { amount: 1, everyMs: 1 } }] }`)}
${plan('sub', `chat: { limits: [{ id: m, kind: quota, amount: 5, window: { every: month, anchor: subscription } }] }`)}
addons:
  - { id: a, features: { chat: { add: { m: 1, b: 1, x: 1 } } } }
  - { id: b, features: { chat: { limits: [${quota('m')}] }, sso: no } }
  - { id: c, features: { chat: { limits: [${Array.from({ length: 16 }, (_, n) => quota(`l${n}`)).join(', ')}] } } }
customers:
  - { id: acme, plan: por, addons: [z] }
  - { id: beta, plan: big, addons: [a, c] }
  - { id: acme, plan: sub, addons: [b] }
`;
    expect(faultsOf(text)).toMatchInlineSnapshot(`
      [
        "10:33 features[4].meter: there is no meter "nothing"",
        "12:28 plans[0].features.chat: feature "chat" is metered: it takes { limits }, not a value",
        "12:40 plans[0].features.sso: feature "sso" is boolean: it takes true or false",
        "12:61 plans[0].features.region: feature "region" is config: it takes a text, a number, true or false",
        "12:85 plans[0].features.none: there is no feature "none"",
        "12:94 plans[0].features.top: limits need a meter that sums or counts; meter "peak" of the feature has aggregation max",
        "14:128 plans[1].features.chat.limits[0].overage.upTo: amount and overage of limit "m" together pass 9007199254740991",
        "19:47 addons[0].features.chat.add.b: limit "b" is no quota: only quotas can be added to",
        "19:53 addons[0].features.chat.add.x: no plan or add-on has a limit "x" for feature "chat"",
        "20:108 addons[1].features.sso: feature "sso" is boolean: it takes true or false",
        "23:17 customers[0].plan: there is no plan "por"",
        "23:37 customers[0].addons[0]: there is no add-on "z"",
        "24:28 customers[1].addons: limit "m" of feature "chat" passes 9007199254740991 with the add-ons",
        "24:28 customers[1].addons: feature "chat" has 18 limits with the add-ons; 16 is the most",
        "25:5 customers[2].startsAt: is needed: the window of limit "m" of feature "chat" is anchored to the subscription",
        "25:7 customers[2].id: there is another customer "acme" above",
        "25:28 customers[2].addons: the plan and the add-ons together bring limit "m" of feature "chat" twice",
      ]
    `);
  });

  it('does not blame others for an object that is broken itself', () => {
    const text = `meters: [{ id: tokens, eventType: e, aggregation: summ }]
features: [{ id: chat, kind: metered, meter: tokens }]
plans: [{ id: pro, features: { chat: {} }, colour: red }]
customers: [{ id: acme, plan: pro }]
`;
    expect(faultsOf(text)).toHaveLength(2);
  });

  it('that is no YAML, no map, empty, or several documents is refused', () => {
    expect(faultsOf('')).toMatchInlineSnapshot(`
      [
        "1:1 (file): is empty: write {} for a catalog of nothing",
      ]
    `);
    expect(faultsOf('[]')).toMatchInlineSnapshot(`
      [
        "1:1 (file): is no map of sections",
      ]
    `);
    expect(faultsOf('plans: {}')).toMatchInlineSnapshot(`
      [
        "1:1 plans: must be a list",
      ]
    `);
    expect(faultsOf('plans: []\n---\nplans: []\n')).toHaveLength(1);
    expect(faultsOf('plans:\n  - { id: a\n  - b: [\n').length).toBeGreaterThan(0);
    expect(faultsOf('plans: []\nmeters: []\nplans: []\n')).toMatchInlineSnapshot(`
      [
        "3:1 : the key "plans" repeats",
      ]
    `);
  });

  it('that unfolds without end, or nests without end, is refused in no time', () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `a${n + 1}: &a${n + 1} [${Array(10).fill(`*a${n}`).join(',')}]`,
    );
    expect(faultsOf(`a0: &a0 [x]\n${levels.join('\n')}\n`)).toHaveLength(1);
    expect(faultsOf(`plans: ${'['.repeat(10_000)}`).length).toBeGreaterThan(0);
    expect(faultsOf(`plans:\n${Array.from({ length: 5_000 }, (_, n) => `  k${n}: 1`).join('\n')}\n`)).toHaveLength(1);
  });

  it('of many customers has its faults where they stand, and no more than can be read', () => {
    const customers = Array.from(
      { length: 5_000 },
      (_, n) => `  - { id: c-${n}, plan: ${n % 2 === 0 ? 'pro' : 'por'} }`,
    );
    const faults = faultsOf(`plans:\n  - id: pro\ncustomers:\n${customers.join('\n')}\n`);
    expect(faults).toHaveLength(1_001);
    expect(faults[0]).toBe('5:16 customers[1].plan: there is no plan "por"');
    expect(faults.at(-1)).toBe('0:0 : and 1500 further faults');
  });
});
