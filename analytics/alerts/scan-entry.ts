import { FACT_KINDS, LIMIT_KIND_QUOTA, WINDOW_NOT_CHARGED, WINDOW_OF_BUCKET } from '../../engine/contract/fact.js';

/** What one fact left behind on one quota. */
export interface QuotaCharge {
  readonly customer: string;
  readonly feature: string;
  /** As facts name it: an entity's is `entity/limit`. */
  readonly limit: string;
  readonly windowStartMs: number;
  /** After the charge. */
  readonly used: number;
  readonly included: number;
  readonly atMs: number;
}

interface Descriptor {
  readonly feature: string;
  readonly limits: readonly { readonly id: string; readonly included: number; readonly from: number }[];
}

const DESCRIPTORS_KEPT_MAX = 1_024;
const VOID = FACT_KINDS.indexOf('void');

/** The least amount used from which on a charge of this limit is looked at; Infinity: never. */
export type LeastAmount = (feature: string, limit: string, included: number) => number;

/**
 * Walks outbox entries (engine/contract/fact.ts) for charges that stand at an amount worth a look, and makes nothing of
 * the others: this sees every fact, and nearly none is news. A test holds it against `decodeEntry`.
 */
export class EntryScanner {
  readonly #leastAmount: LeastAmount;
  /** By their bytes: a gateway repeats the same ones call after call. */
  readonly #descriptors = new Map<string, readonly Descriptor[]>();
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(leastAmount: LeastAmount) {
    this.#leastAmount = leastAmount;
  }

  /** To be called when least amounts may have changed. */
  forget(): void {
    this.#descriptors.clear();
  }

  /**
   * Charges worth a look, in order; corrections are none.
   * @throws RangeError for bytes that are no entry: the sink sets them aside.
   */
  scan(entry: Buffer): QuotaCharge[] {
    this.#bytes = entry;
    this.#at = 16;
    const descriptors = this.#readDescriptors();
    const end = this.#sectionEnd();
    const charges: QuotaCharge[] = [];
    while (this.#at < end) {
      const headBytes = this.#u16();
      const head = this.#at;
      this.#at += headBytes;
      const atMs = this.#f64();
      this.#at += 8;
      const isVoid = this.#u8() === VOID;
      for (let parts = this.#u8(); parts > 0; parts--) {
        const descriptor = descriptors[this.#u16()];
        if (descriptor === undefined) throw new RangeError('a fact of no descriptor');
        this.#at += 9;
        for (const { id, included, from } of descriptor.limits) {
          const windowStartMs = this.#f64();
          const used = this.#f64();
          if (used < from || isVoid || windowStartMs === WINDOW_NOT_CHARGED || windowStartMs === WINDOW_OF_BUCKET) {
            continue;
          }
          const customer = this.#textAt(head);
          charges.push({ customer, feature: descriptor.feature, limit: id, windowStartMs, used, included, atMs });
        }
      }
    }
    return charges;
  }

  #readDescriptors(): readonly Descriptor[] {
    const end = this.#sectionEnd();
    const key = this.#bytes.toString('latin1', this.#at, end);
    const known = this.#descriptors.get(key);
    if (known !== undefined) {
      this.#at = end;
      return known;
    }
    const descriptors: Descriptor[] = [];
    while (this.#at < end) {
      const feature = this.#text();
      this.#text();
      const limits = Array.from({ length: this.#u8() }, () => {
        const id = this.#text();
        const isQuota = this.#u8() === LIMIT_KIND_QUOTA;
        const included = this.#f64();
        return { id, included, from: isQuota ? this.#leastAmount(feature, id, included) : Number.POSITIVE_INFINITY };
      });
      descriptors.push({ feature, limits });
    }
    if (this.#descriptors.size >= DESCRIPTORS_KEPT_MAX) this.#descriptors.clear();
    this.#descriptors.set(key, descriptors);
    return descriptors;
  }

  #sectionEnd(): number {
    const size = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new RangeError(`a section ends at ${end} of ${this.#bytes.length}`);
    return end;
  }

  #textAt(at: number): string {
    return this.#bytes.toString('utf8', at + 2, at + 2 + this.#bytes.readUInt16LE(at));
  }

  #text(): string {
    const text = this.#textAt(this.#at);
    this.#at += 2 + this.#bytes.readUInt16LE(this.#at);
    return text;
  }

  #u8(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  #u16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16LE(this.#at - 2);
  }

  #f64(): number {
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }
}
