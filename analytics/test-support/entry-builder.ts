import { ByteWriter } from '../../engine/contract/bytes.js';
import {
  DENIAL_REASONS,
  type DenialReason,
  type DescriptorLimit,
  FACT_KINDS,
  FACT_LATE,
  FACT_METER_FIRST,
  type FactHead,
  type FactKind,
  LIMIT_KIND_BUCKET,
  WINDOW_NOT_CHARGED,
  WINDOW_OF_BUCKET,
  writeDescriptor,
  writeHead,
} from '../../engine/contract/fact.js';

/** A limit as a test says it: a window start makes it a quota, null a bucket, undefined means not charged. */
export interface TestLimit {
  readonly id: string;
  readonly included: number;
  readonly windowStartMs?: number | null | undefined;
  readonly after?: number;
}

export interface TestFact extends FactHead {
  readonly feature: string;
  readonly meter: string;
  readonly amount: number;
  readonly kind?: FactKind;
  readonly chargedAtMs?: number;
  readonly happenedAtMs?: number;
  readonly late?: boolean;
  /** False: another fact of the operation counts it for the meter. */
  readonly meterFirst?: boolean;
  readonly limits?: readonly TestLimit[];
}

export interface TestDenial extends FactHead {
  readonly feature: string;
  readonly meter: string;
  readonly reason: DenialReason;
  readonly amount: number;
  readonly count?: number;
  readonly firstAtMs?: number;
  /** Ids among `limits` that deny. */
  readonly deniedBy?: readonly string[];
  readonly limits?: readonly (TestLimit & { readonly used?: number })[];
}

export interface TestEntry {
  readonly chargedAtMs: number;
  readonly version?: number;
  readonly facts?: readonly TestFact[];
  readonly denials?: readonly TestDenial[];
}

/** Builds the bytes of one outbox entry as the commit script does, one group a fact. */
export function buildEntry(entry: TestEntry): Buffer {
  const descriptors = new ByteWriter();
  const indexes = new Map<string, number>();
  const descriptorIndex = (feature: string, meter: string, limits: readonly TestLimit[]): number => {
    const wire: DescriptorLimit[] = limits.map((limit) => ({
      id: limit.id,
      kind: limit.windowStartMs === null ? LIMIT_KIND_BUCKET : 2,
      included: limit.included,
    }));
    const key = JSON.stringify([feature, meter, wire]);
    const known = indexes.get(key);
    if (known !== undefined) return known;
    writeDescriptor(descriptors, feature, meter, wire);
    indexes.set(key, indexes.size);
    return indexes.size - 1;
  };

  const facts = new ByteWriter();
  for (const fact of entry.facts ?? []) {
    writeHeadBytes(facts, fact);
    const chargedAtMs = fact.chargedAtMs ?? entry.chargedAtMs;
    facts.f64(chargedAtMs);
    facts.f64(fact.happenedAtMs ?? chargedAtMs);
    facts.u8(FACT_KINDS.indexOf(fact.kind ?? 'check'));
    facts.u8(1);
    const limits = fact.limits ?? [];
    facts.u16(descriptorIndex(fact.feature, fact.meter, limits));
    facts.u8((fact.late === true ? FACT_LATE : 0) | (fact.meterFirst === false ? 0 : FACT_METER_FIRST));
    facts.f64(fact.amount);
    for (const limit of limits) {
      facts.f64(limit.windowStartMs === null ? WINDOW_OF_BUCKET : (limit.windowStartMs ?? WINDOW_NOT_CHARGED));
      facts.f64(limit.after ?? 0);
    }
  }

  const denials = new ByteWriter();
  for (const denial of entry.denials ?? []) {
    writeHeadBytes(denials, denial);
    const limits = denial.limits ?? [];
    denials.u16(descriptorIndex(denial.feature, denial.meter, limits));
    denials.u8(DENIAL_REASONS.indexOf(denial.reason));
    const deniedBy = denial.deniedBy ?? [];
    denials.f64(limits.reduce((mask, limit, index) => mask + (deniedBy.includes(limit.id) ? 2 ** index : 0), 0));
    denials.f64(denial.amount);
    denials.u32(denial.count ?? 1);
    denials.f64(denial.firstAtMs ?? entry.chargedAtMs);
    for (const limit of limits) denials.f64(limit.used ?? 0);
  }

  const out = new ByteWriter();
  out.f64(entry.chargedAtMs);
  out.f64(entry.version ?? 1);
  for (const section of [descriptors, facts, denials]) {
    out.u32(section.length);
    out.bytes(section.take());
  }
  return out.take();
}

function writeHeadBytes(writer: ByteWriter, head: FactHead): void {
  const bytes = new ByteWriter();
  writeHead(bytes, head);
  writer.u16(bytes.length);
  writer.bytes(bytes.take());
}
