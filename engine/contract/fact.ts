import { ByteReader, type ByteWriter } from './bytes.js';
import type { Reason } from './decision.js';

/**
 * The facts: what one call of the commit script appends to its shard's outbox, as one binary entry.
 * The gateway writes the descriptors and heads, the script the numbers, the sink reads the whole. Little-endian;
 * `text` is UTF-8 behind a u16 length, numbers are f64 (exact up to 2^53).
 *
 *   entry      f64 chargedAtMs · f64 catalogVersion · u32 length, descriptors · u32 length, facts · u32 length, denials
 *   descriptor text feature · text meter · u8 limits · per limit: text id, u8 kind (1 bucket, 2 quota, 3 concurrency), f64 included,
 *              capacity or slots
 *   group      u16 length, head · f64 chargedAtMs · f64 happenedAtMs · u8 kind · u8 parts · parts (one fact each)
 *   head       text customer · text entity · text source · text id · text dimensions (JSON object or empty)
 *   part       u16 descriptor · u8 flags (1 late, 2 the first fact of its meter) · f64 amount
 *              · per limit: f64 windowStartMs (−1 not charged, −2 a bucket), f64 used after (bucket: whole level)
 *              · in a void the amount is what is taken back, and −1 after a quota means that its counter was left alone
 *   denial     u16 length, head · u16 descriptor · u8 reason · f64 mask of denying limits · f64 amount · u32 count
 *              · f64 firstAtMs · per limit: f64 used (bucket: whole level)
 *
 * A fact's identity is (epoch, shard, outbox id, index), the index counting the facts (or denials) of its entry.
 */
export const FACT_KINDS = ['check', 'record', 'commit', 'void'] as const;
export type FactKind = (typeof FACT_KINDS)[number];

export const FACT_LATE = 1;
export const FACT_METER_FIRST = 2;
export const WINDOW_NOT_CHARGED = -1;
export const WINDOW_OF_BUCKET = -2;
/** Of a void: `after` where a quota's window is no longer kept, or the limit no longer in force. */
export const AFTER_NOTHING = -1;

/** The order fixes the numbers on the wire. */
export const DENIAL_REASONS = [
  'limit_exceeded',
  'not_entitled',
  'not_started',
  'expired',
  'suspended',
  'unknown_customer',
  'unknown_feature',
  'batch_denied',
] as const satisfies readonly Reason[];
export type DenialReason = (typeof DENIAL_REASONS)[number];

export const LIMIT_KIND_BUCKET = 1;
export const LIMIT_KIND_QUOTA = 2;
export const LIMIT_KIND_CONCURRENCY = 3;

export interface ChargedLimit {
  readonly id: string;
  /** Start of the quota window charged; null for a bucket. */
  readonly windowStartMs: number | null;
  /** Quota: used after the charge; in a void, AFTER_NOTHING where the counter was left alone. Bucket: whole level after it. */
  readonly after: number;
  /** Quota: included. Bucket: capacity. */
  readonly included: number;
}

export interface Fact {
  readonly customer: string;
  readonly entity: string;
  readonly feature: string;
  readonly meter: string;
  /** Charged to the feature's limits, in the meter's smallest unit; in a void what is taken back. */
  readonly amount: number;
  /** Counted by the meter: the amount, or 0 where another fact of the same part counts it (two features on one meter). */
  readonly meterAmount: number;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly happenedAtMs: number;
  readonly chargedAtMs: number;
  readonly kind: FactKind;
  /** True when some quota window of it was no longer kept, so that only the ledger has it. */
  readonly late: boolean;
  readonly source: string;
  readonly id: string;
  readonly limits: readonly ChargedLimit[];
  readonly version: number;
  readonly index: number;
}

export interface Denial {
  readonly customer: string;
  readonly entity: string;
  readonly feature: string;
  readonly meter: string;
  readonly reason: DenialReason;
  readonly deniedBy: readonly string[];
  /** Sum over the `count` denials that this line stands for. */
  readonly amount: number;
  readonly count: number;
  readonly firstAtMs: number;
  readonly limits: readonly { readonly id: string; readonly used: number; readonly included: number }[];
  readonly version: number;
  readonly index: number;
}

export interface OutboxEntry {
  readonly chargedAtMs: number;
  readonly version: number;
  readonly facts: readonly Fact[];
  readonly denials: readonly Denial[];
}

/** A change of the catalog: the audit trail, one JSON document an entry of the catalog's outbox. */
export interface CatalogChange {
  readonly version: number;
  readonly atMs: number;
  /** Who asked: a key's id, `file:NAME`, `cli`. */
  readonly actor: string;
  readonly owner: string;
  readonly type: string;
  readonly id: string;
  readonly before: unknown;
  readonly after: unknown;
}

export interface DescriptorLimit {
  readonly id: string;
  readonly kind: number;
  readonly included: number;
}

export function writeDescriptor(
  writer: ByteWriter,
  feature: string,
  meter: string,
  limits: readonly DescriptorLimit[],
): void {
  writer.text(feature);
  writer.text(meter);
  writer.u8(limits.length);
  for (const limit of limits) {
    writer.text(limit.id);
    writer.u8(limit.kind);
    writer.f64(limit.included);
  }
}

export interface FactHead {
  readonly customer: string;
  readonly entity?: string | undefined;
  readonly source?: string | undefined;
  readonly id?: string | undefined;
  readonly dimensions?: Readonly<Record<string, string>> | undefined;
}

export function writeHead(writer: ByteWriter, head: FactHead): void {
  writer.text(head.customer);
  writer.text(head.entity ?? '');
  writer.text(head.source ?? '');
  writer.text(head.id ?? '');
  writer.text(head.dimensions === undefined ? '' : JSON.stringify(head.dimensions));
}

interface Descriptor {
  readonly feature: string;
  readonly meter: string;
  readonly limits: readonly DescriptorLimit[];
}

function readDescriptors(reader: ByteReader, end: number): Descriptor[] {
  const descriptors: Descriptor[] = [];
  while (reader.offset < end) {
    const feature = reader.text();
    const meter = reader.text();
    const limits = Array.from({ length: reader.u8() }, () => ({
      id: reader.text(),
      kind: reader.u8(),
      included: reader.f64(),
    }));
    descriptors.push({ feature, meter, limits });
  }
  return descriptors;
}

export type DecodedHead = Pick<Fact, 'customer' | 'entity' | 'source' | 'id' | 'dimensions'>;

export function readHead(reader: ByteReader): DecodedHead {
  const customer = reader.text();
  const entity = reader.text();
  const source = reader.text();
  const id = reader.text();
  const dimensions = reader.text();
  return {
    customer,
    entity,
    source,
    id,
    dimensions: dimensions === '' ? {} : (JSON.parse(dimensions) as Record<string, string>),
  };
}

/**
 * Reads one outbox entry.
 * @throws RangeError or SyntaxError where the bytes are not an entry: a message that cannot be read, to be set aside.
 */
export function decodeEntry(bytes: Buffer): OutboxEntry {
  const reader = new ByteReader(bytes);
  const chargedAtMs = reader.f64();
  const version = reader.f64();
  const descriptorsEnd = reader.u32() + reader.offset;
  const descriptors = readDescriptors(reader, descriptorsEnd);
  const descriptor = (): Descriptor => {
    const index = reader.u16();
    const found = descriptors[index];
    if (found === undefined) throw new RangeError(`descriptor ${index} of ${descriptors.length}`);
    return found;
  };

  const factsEnd = reader.u32() + reader.offset;
  const facts: Fact[] = [];
  while (reader.offset < factsEnd) {
    reader.u16();
    const head = readHead(reader);
    const groupChargedAtMs = reader.f64();
    const happenedAtMs = reader.f64();
    const kind = FACT_KINDS[reader.u8()];
    if (kind === undefined) throw new RangeError('unknown kind of fact');
    for (let parts = reader.u8(); parts > 0; parts--) {
      const { feature, meter, limits } = descriptor();
      const flags = reader.u8();
      const amount = reader.f64();
      const charged: ChargedLimit[] = [];
      for (const limit of limits) {
        const windowStartMs = reader.f64();
        const after = reader.f64();
        if (windowStartMs === WINDOW_NOT_CHARGED) continue;
        charged.push({
          id: limit.id,
          windowStartMs: windowStartMs === WINDOW_OF_BUCKET ? null : windowStartMs,
          after,
          included: limit.included,
        });
      }
      facts.push({
        ...head,
        feature,
        meter,
        amount,
        meterAmount: (flags & FACT_METER_FIRST) === 0 ? 0 : amount,
        happenedAtMs,
        chargedAtMs: groupChargedAtMs,
        kind,
        late: (flags & FACT_LATE) !== 0,
        limits: charged,
        version,
        index: facts.length,
      });
    }
  }

  const denialsEnd = reader.u32() + reader.offset;
  const denials: Denial[] = [];
  while (reader.offset < denialsEnd) {
    reader.u16();
    const { customer, entity } = readHead(reader);
    const { feature, meter, limits } = descriptor();
    const reason = DENIAL_REASONS[reader.u8()];
    if (reason === undefined) throw new RangeError('unknown reason of denial');
    const mask = reader.f64();
    const amount = reader.f64();
    const count = reader.u32();
    const firstAtMs = reader.f64();
    const states = limits.map((limit) => ({ id: limit.id, used: reader.f64(), included: limit.included }));
    const deniedBy = limits.filter((_, index) => Math.floor(mask / 2 ** index) % 2 === 1).map((limit) => limit.id);
    denials.push({
      customer,
      entity,
      feature,
      meter,
      reason,
      deniedBy,
      amount,
      count,
      firstAtMs,
      limits: states,
      version,
      index: denials.length,
    });
  }
  return { chargedAtMs, version, facts, denials };
}

/**
 * A JetStream message of the stream WEIR_FACTS: entries of one shard, in order, each behind its outbox id.
 * Headers `weir-shard` and `weir-epoch` say whose; the shard `catalog` carries CatalogChange documents instead of entries.
 *
 *   message  repeated: f64 outboxMs · u32 outboxSeq · u32 length, entry
 */
export interface PackedEntry {
  readonly outboxMs: number;
  readonly outboxSeq: number;
  readonly entry: Buffer;
}

export const SHARD_HEADER = 'weir-shard';
export const EPOCH_HEADER = 'weir-epoch';
export const CATALOG_SHARD = 'catalog';

export function packEntry(writer: ByteWriter, packed: PackedEntry): void {
  writer.f64(packed.outboxMs);
  writer.u32(packed.outboxSeq);
  writer.u32(packed.entry.length);
  writer.bytes(packed.entry);
}

export function unpackEntries(message: Buffer): PackedEntry[] {
  const reader = new ByteReader(message);
  const entries: PackedEntry[] = [];
  while (reader.remaining > 0) {
    const outboxMs = reader.f64();
    const outboxSeq = reader.u32();
    entries.push({ outboxMs, outboxSeq, entry: reader.bytes(reader.u32()) });
  }
  return entries;
}
