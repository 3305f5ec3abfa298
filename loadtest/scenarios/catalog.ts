/** The catalog of a load test: JSON, which every YAML reader takes, and one customer a line, a million in 64 MiB. */

export const LOAD_FEATURE = 'api';
export const LOAD_METER = 'units';
export const LOAD_EVENT_TYPE = 'load.used';
/** No run comes near it: what is measured is the way of an admitted check. */
export const AMPLE_QUOTA = 1_000_000_000_000;
const AMPLE_BURST = 1_000_000_000;
/** So long ago that no monthly window of these customers ends while a run lasts. */
const STARTED_DAYS_AGO = 7;
const DAY_MS = 86_400_000;
/** Ids are of one length, however many customers there are: a body costs the same. */
const ID_DIGITS = 7;
const FIRST_CUSTOMERS_MAX = 10_000;

export interface LoadCatalog {
  /** Customers on one plan with a bucket and a monthly quota that never run dry. */
  readonly customers: readonly string[];
  /** The one customer whose quota is drawn dry, and that quota. */
  readonly dry: string;
  readonly dryQuota: number;
  readonly text: string;
  /** The same with the first customers only, for a stack to start with; `text` where those are all. */
  readonly firstText: string;
}

/** @param nowMs only decides where the monthly windows begin. */
export function loadCatalog(customerCount: number, dryQuota: number, nowMs: number): LoadCatalog {
  const customers = Array.from(
    { length: customerCount },
    (_, index) => `load-${String(index).padStart(ID_DIGITS, '0')}`,
  );
  const dry = 'dry';
  const startsAt = new Date(nowMs - STARTED_DAYS_AGO * DAY_MS).toISOString().replace(/\.\d+/, '');
  const limits = [
    {
      id: 'monthly',
      kind: 'quota',
      amount: AMPLE_QUOTA,
      window: { every: 'month', anchor: 'subscription' },
      warnAt: [80, 100],
    },
    { id: 'burst', kind: 'bucket', capacity: AMPLE_BURST, refill: { amount: AMPLE_BURST, everyMs: 1_000 } },
  ];
  const dryLimits = [{ id: 'total', kind: 'quota', amount: dryQuota, window: { every: 'lifetime' } }];
  const sections = {
    meters: [{ id: LOAD_METER, eventType: LOAD_EVENT_TYPE, aggregation: 'sum', value: '$.units' }],
    features: [{ id: LOAD_FEATURE, kind: 'metered', meter: LOAD_METER }],
    plans: [
      { id: 'ample', features: { [LOAD_FEATURE]: { limits } } },
      { id: 'dry', features: { [LOAD_FEATURE]: { limits: dryLimits } } },
    ],
  };
  const head = Object.entries(sections)
    .map(([name, entries]) => `${name}:\n${entries.map((entry) => `- ${JSON.stringify(entry)}\n`).join('')}`)
    .join('');
  const line = (id: string, plan: string) => `- {id: ${id}, plan: ${plan}, startsAt: ${startsAt}}\n`;
  const textOf = (ids: readonly string[]): string =>
    `${head}customers:\n${line(dry, 'dry')}${ids.map((id) => line(id, 'ample')).join('')}`;
  const text = textOf(customers);
  const isSmall = customers.length <= FIRST_CUSTOMERS_MAX;
  const firstText = isSmall ? text : textOf(customers.slice(0, FIRST_CUSTOMERS_MAX));
  return { customers, dry, dryQuota, text, firstText };
}
