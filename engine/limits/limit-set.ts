import { lowestTerms, thresholdAmount } from '../contract/amounts.js';
import { ByteWriter } from '../contract/bytes.js';
import type { Limit, OnUnavailable } from '../contract/catalog.js';
import { AMOUNT_MAX } from '../contract/constants.js';
import type { RateLimitPolicy } from '../contract/decision.js';
import {
  type DescriptorLimit,
  LIMIT_KIND_BUCKET,
  LIMIT_KIND_CONCURRENCY,
  LIMIT_KIND_QUOTA,
  writeDescriptor,
} from '../contract/fact.js';
import { digest } from '../platform/digest.js';
import { policyOf } from './rate-limit-policy.js';
import { type Boundaries, boundaries, NEVER_MS, type ResolvedWindow, windowKey } from './window.js';

interface RuleBase {
  readonly name: string;
  readonly shadow: boolean;
  readonly onUnavailable: OnUnavailable;
}

export interface BucketRule extends RuleBase {
  readonly kind: 'bucket';
  readonly capacity: number;
  /** Refill rate in lowest terms. */
  readonly amount: number;
  readonly everyMs: number;
}

export interface QuotaRule extends RuleBase {
  readonly kind: 'quota';
  readonly included: number;
  /** null: no cap. */
  readonly hard: number | null;
  readonly boundaries: Boundaries;
  /** Ascending. */
  readonly percents: readonly number[];
  readonly window: ResolvedWindow;
}

export interface ConcurrencyRule extends RuleBase {
  readonly kind: 'concurrency';
  readonly slots: number;
}

export type Rule = BucketRule | QuotaRule | ConcurrencyRule;

/** A limit with everything filled in that it takes from add-ons, grants, customer and clock. */
export interface LimitInput {
  readonly limit: Limit;
  /** As answers name it: `monthly`, or `team/monthly` for an entity's. */
  readonly name: string;
  /** Which holder keeps its state: 0 the customer, then its entities. */
  readonly slot: number;
  /** Quota: the amount with add-ons and grants. */
  readonly included: number;
  /** Quota only. */
  readonly window: ResolvedWindow | null;
}

/**
 * The limits of one feature as the commit script takes them, encoded once and shared by all operations and customers
 * to which the same limits apply at the same time. `claimedBy` and `index` belong to the call that is being built.
 */
export interface LimitSet {
  readonly feature: string;
  readonly rules: readonly Rule[];
  /** Of each rule: which holder keeps its state (0 the customer, then its entities), and under which tag. */
  readonly places: readonly { readonly slot: number; readonly tag: string }[];
  /** Bytes for the script: lua/include/sets.lua. */
  readonly config: Buffer;
  /** Bytes for the outbox: contract/fact.ts. */
  readonly descriptor: Buffer;
  /** From here on some quota is in its next window, and the set should be built anew. */
  readonly validUntilMs: number;
  readonly policy: RateLimitPolicy;
  claimedBy: number;
  index: number;
}

const FLAG_SHADOW = 1;
const NO_CAP = -1;

/**
 * Builds the set of a feature's limits as of an instant. `feature` and `meter` go into facts.
 * @param othersMs instants of those rules that have one of their own, by their place.
 */
export function buildLimitSet(
  feature: string,
  meter: string,
  inputs: readonly LimitInput[],
  atMs: number,
  othersMs?: ReadonlyMap<number, number>,
): LimitSet {
  const rules = inputs.map((input, place) => ruleOf(input, othersMs?.get(place) ?? atMs));
  const config = new ByteWriter();
  config.u8(rules.length);
  config.bytes(shapeOf(rules));
  inputs.forEach((input, index) => {
    const rule = rules[index];
    if (rule !== undefined) writeRule(config, feature, input, rule);
  });
  const descriptor = new ByteWriter();
  writeDescriptor(descriptor, feature, meter, rules.map(describe));
  const ends = rules.map((rule) => (rule.kind === 'quota' ? rule.boundaries[2] : NEVER_MS));
  return {
    feature,
    rules,
    places: inputs.map((input) => ({ slot: input.slot, tag: tagOf(feature, input).toString('hex') })),
    config: config.take(),
    descriptor: descriptor.take(),
    validUntilMs: Math.min(NEVER_MS, ...ends),
    policy: policyOf(rules),
    claimedBy: 0,
    index: 0,
  };
}

function describe(rule: Rule): DescriptorLimit {
  switch (rule.kind) {
    case 'bucket':
      return { id: rule.name, kind: LIMIT_KIND_BUCKET, included: rule.capacity };
    case 'quota':
      return { id: rule.name, kind: LIMIT_KIND_QUOTA, included: rule.included };
    case 'concurrency':
      return { id: rule.name, kind: LIMIT_KIND_CONCURRENCY, included: rule.slots };
  }
}

function ruleOf(input: LimitInput, atMs: number): Rule {
  const { limit, name } = input;
  const base = { name, shadow: limit.shadow === true, onUnavailable: limit.onUnavailable ?? 'deny' };
  if (limit.kind === 'bucket') {
    return {
      kind: 'bucket',
      ...base,
      capacity: limit.capacity,
      ...lowestTerms(limit.refill.amount, limit.refill.everyMs),
    };
  }
  if (limit.kind === 'concurrency') return { kind: 'concurrency', ...base, slots: limit.slots };
  if (input.window === null) throw new Error(`quota ${name} has no window`);
  return {
    kind: 'quota',
    ...base,
    included: input.included,
    hard: hardCap(limit.overage ?? 'deny', input.included),
    boundaries: boundaries(input.window, atMs),
    percents: [...(limit.warnAt ?? [])].sort((a, b) => a - b),
    window: input.window,
  };
}

/** semantics.md, quota: included, included + n, or none. */
function hardCap(overage: 'deny' | 'allow' | { readonly upTo: number }, included: number): number | null {
  if (overage === 'deny') return included;
  if (overage === 'allow') return null;
  return Math.min(AMOUNT_MAX, included + overage.upTo);
}

/**
 * Which limits these are, whatever their sizes: 3 bytes of a digest. The numbers of an answer are remembered without
 * the names of their limits, and are told again under the same ones only. The first byte is 64 to 127: no MessagePack
 * array, with which the answers of 0.1.0 begin.
 */
function shapeOf(rules: readonly Rule[]): Buffer {
  const limits = rules.map((rule) => [rule.name, rule.kind, rule.shadow, rule.kind === 'quota' ? rule.percents : []]);
  const shape = Buffer.from(digest(JSON.stringify(limits)).subarray(0, 3));
  shape[0] = ((shape[0] ?? 0) & 0x3f) | 0x40;
  return shape;
}

function writeRule(writer: ByteWriter, feature: string, input: LimitInput, rule: Rule): void {
  writer.u8(describe(rule).kind);
  writer.u8(rule.shadow ? FLAG_SHADOW : 0);
  writer.u8(input.slot);
  writer.bytes(tagOf(feature, input));
  if (rule.kind === 'bucket') {
    writer.f64(rule.capacity);
    writer.f64(rule.amount);
    writer.f64(rule.everyMs);
    return;
  }
  if (rule.kind === 'concurrency') {
    writer.f64(rule.slots);
    return;
  }
  writer.f64(rule.included);
  writer.f64(rule.hard ?? NO_CAP);
  for (const boundary of rule.boundaries) writer.f64(boundary);
  writer.u32(warningsTagOf(rule));
  writer.u8(rule.percents.length);
  for (const percent of rule.percents) {
    writer.u16(percent);
    writer.f64(thresholdAmount(percent, rule.included));
  }
}

/** What a mask of crossed thresholds belongs to: what is included, and the percents. */
export const warningsTagOf = ({ included, percents }: Pick<QuotaRule, 'included' | 'percents'>): number =>
  digest(`${included}:${percents.join()}`).readUInt32LE(0);

/**
 * The name of a limit's state: 5 bytes for which limit, 3 for its definition. "State lives on under the limit's id
 * while its kind and its window's definition stay the same; otherwise the limit starts new" (semantics.md).
 */
function tagOf(feature: string, input: LimitInput): Buffer {
  const definition = input.window === null ? input.limit.kind : `quota ${windowKey(input.window)}`;
  return Buffer.concat([limitKey(feature, input.limit.id), digest(definition).subarray(0, 3)]);
}

/** The part of a tag that says which limit of a holder it is, whatever its definition: 5 bytes. */
export const limitKey = (feature: string, limitId: string): Buffer => digest(`${feature}\0${limitId}`).subarray(0, 5);
