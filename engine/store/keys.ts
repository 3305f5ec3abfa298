/**
 * The spelling of every Redis key, in one place. All keys of a customer carry the hash tag of its shard, so that a
 * batch, its ledger and its outbox share one slot of a Redis Cluster. The catalog has a tag of its own.
 */
const DIGITS = 2;

/** Shard names `s00` … `s63`. */
export const shardName = (index: number): string => `s${String(index).padStart(DIGITS, '0')}`;

/** FNV-1a, 32 bits, over UTF-16 code units: which shard owns a customer. Never change it without a rebuild. */
export function shardOf(customer: string, shards: number): number {
  if (shards === 1) return 0;
  let hash = 0x811c9dc5;
  for (let index = 0; index < customer.length; index++) {
    hash = Math.imul(hash ^ customer.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % shards;
}

/** `struct` of epoch and catalog version in force: the fence. Absent: the shard is uninitialised. */
export const shardStateKey = (shard: string): string => `{${shard}}:state`;
/** How long ids are remembered while memory is short, ms; absent: ID_RETENTION_MS. */
export const retentionKey = (shard: string): string => `{${shard}}:retention`;
/** Sorted set: customers with open holds by the earliest expiry. */
export const holdsKey = (shard: string): string => `{${shard}}:holds`;
/** Hash: percents behind a mask of crossed thresholds. */
export const warningsKey = (shard: string): string => `{${shard}}:warnings`;
/** Stream of facts and denials, one entry a call. */
export const outboxKey = (shard: string): string => `{${shard}}:outbox`;
/** Holders keep the state of limits: a customer, or an entity below one. */
export const customerHolder = (customer: string): string => `c:${customer}`;
export const entityHolder = (customer: string, entity: string): string => `e:${customer}\0${entity}`;
export const holderKey = (shard: string, holder: string): string => `{${shard}}:${holder}`;
/** The last reply to one gateway's calls of one lane, so that a lost reply is repeated and not charged again. */
export const fateKey = (shard: string, gateway: string, lane: number): string => `{${shard}}:fate:${gateway}:${lane}`;
/**
 * A key that never exists, named last by every call on a cluster. While the shard's slot moves to another master, Redis
 * runs a call only where all keys that it names are: so none runs on a part of the shard, whose other keys (ids, holds)
 * would be missing half-way through the script. Redis answers TRYAGAIN until the whole slot has moved.
 */
export const absentKey = (shard: string): string => `{${shard}}:absent`;

/** Hash: `version`, `shards`, `epoch`. */
export const CATALOG_META_KEY = '{catalog}:meta';
/** Hash of one object type: id → JSON `[owner, version, body]`. */
export const catalogObjectsKey = (type: string): string => `{catalog}:${type}`;
/** Hash: gateway → what it did in the last seconds, as JSON (engine/pulses.ts). */
export const GATEWAYS_KEY = '{catalog}:gateways';
/** Stream of changes: read by every gateway, and by the relay as the audit trail. */
export const CATALOG_OUTBOX_KEY = '{catalog}:outbox';
