/** One line of the finance report; amounts as whole numbers in the meter's smallest unit. */
export interface Figure {
  readonly customer: string;
  /** Now; '' for a customer that is no longer in the catalog. */
  readonly plan: string;
  /** '' for a meter that no feature charges. */
  readonly feature: string;
  /** '' for denials of what has no meter. */
  readonly meter: string;
  readonly scale: number;
  /** The quota; '' for what is under none. */
  readonly limit: string;
  /** Of the window; null without a quota. Windows of minutes and hours: the local day. */
  readonly windowMs: number | null;
  /** Null where it never ends, or nobody knows any more: the limit is gone. */
  readonly windowEndMs: number | null;
  /** How many windows the line adds up: 1, or those of minutes and hours that were used on the day; 0 without a quota. */
  readonly windows: number;
  /** What the window stood at when the period began. */
  readonly opening: bigint;
  /** Null without a quota. */
  readonly included: bigint | null;
  /** Of `included`, what add-ons contribute. */
  readonly addons: bigint;
  /** Charged in the period. */
  readonly used: bigint;
  /** Of what the period charged, taken back. */
  readonly voided: bigint;
  /** Happened in the period, too late for its window: in the ledger only, in no counter, and not in `used`. */
  readonly late: bigint;
  /** What the period added past what is included. */
  readonly overage: bigint;
  /** What the window stood at when the period ended: opening + used − voided. */
  readonly closing: bigint;
  /** The customer's local day with the most usage; '' when there was none. */
  readonly peakDay: string;
  readonly peakDayUsed: bigint;
  /** By this limit. What two limits denied together stands with both. */
  readonly deniedCount: bigint;
  readonly deniedAmount: bigint;
}

/** The columns that have a difference, and a sum. */
export const AMOUNTS = [
  'opening',
  'included',
  'addons',
  'used',
  'voided',
  'late',
  'overage',
  'closing',
  'deniedCount',
  'deniedAmount',
] as const satisfies readonly (keyof Figure)[];
export type AmountName = (typeof AMOUNTS)[number];

/** What tells one line of a period from another. */
export const figureKey = ({ customer, feature, meter, limit, windowMs }: Figure): string =>
  JSON.stringify([customer, feature, limit === '' ? meter : '', limit, windowMs]);

/** By customer, feature (what no feature charges last), limit (none last), window and meter. */
export const inOrder = (left: Figure, right: Figure): number =>
  compare(left.customer, right.customer) ||
  Number(left.feature === '') - Number(right.feature === '') ||
  compare(left.feature, right.feature) ||
  Number(left.limit === '') - Number(right.limit === '') ||
  compare(left.limit, right.limit) ||
  (left.windowMs ?? 0) - (right.windowMs ?? 0) ||
  compare(left.meter, right.meter);

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
