import { ArrayColumn, MapColumn, type NamedColumns, nativeBlock, Offsets, structureOf } from './native-block.js';
import {
  ByteColumn,
  type Column,
  DictionaryColumn,
  Int64Column,
  StringColumn,
  UInt32Column,
} from './native-columns.js';

/** Where an entry stood in the outbox: with the index in it, a row's identity. */
export interface EntryIdentity {
  readonly epoch: number;
  readonly shard: string;
  readonly outboxMs: number;
  readonly outboxSeq: number;
}

/** Rows of one table and partition, ready to be inserted as one part. */
export interface Block {
  readonly table: string;
  readonly rows: number;
  /** Names and types of the columns, in the block's order. */
  readonly structure: string;
  /** The block in the Native format. */
  readonly pieces: readonly Uint8Array[];
}

const INSTANT = "DateTime64(3, 'UTC')";

/** Columns that every table begins with. */
export class IdentityColumns {
  readonly epoch = new Int64Column('UInt64');
  readonly shard = new DictionaryColumn();
  readonly outbox_ms = new Int64Column('UInt64');
  readonly outbox_seq = new UInt32Column();
  readonly idx = new UInt32Column();

  #shard = { name: '', index: 0 };

  push(identity: EntryIdentity, index: number): void {
    this.epoch.push(identity.epoch);
    if (identity.shard !== this.#shard.name || this.shard.length === 0) {
      this.#shard = { name: identity.shard, index: this.shard.index(identity.shard) };
    }
    this.shard.pushIndex(this.#shard.index);
    this.outbox_ms.push(identity.outboxMs);
    this.outbox_seq.push(identity.outboxSeq);
    this.idx.push(index);
  }

  all(): Column[] {
    return [this.epoch, this.shard, this.outbox_ms, this.outbox_seq, this.idx];
  }
}

/** A table's open block: rows are appended column by column, and taken back when their entry turns out unreadable. */
export abstract class TableColumns {
  abstract readonly table: string;
  readonly identity = new IdentityColumns();
  /** The columns in the table's order, as the block names them. */
  protected abstract named(): NamedColumns;
  /** Every column with the length it has at `rows` rows; arrays' items are cut by their offsets. */
  protected abstract cut(rows: number): void;

  get rows(): number {
    return this.identity.idx.length;
  }

  truncate(rows: number): void {
    for (const column of this.identity.all()) column.truncate(rows);
    this.cut(rows);
  }

  block(): Block {
    const columns = { ...this.identity, ...this.named() };
    return {
      table: this.table,
      rows: this.rows,
      structure: structureOf(columns),
      pieces: nativeBlock(columns, this.rows),
    };
  }
}

/** A run of items per row, with where each row's run ends. */
class Runs {
  readonly offsets = new Offsets();
  #ends: number[] = [];

  /** Closes a row whose items were appended to the columns: `total` is their length by now. */
  end(total: number): void {
    this.offsets.push(total);
    this.#ends.push(total);
  }

  /** Items that belong to the first `rows` rows. */
  cut(rows: number): number {
    this.offsets.truncate(rows);
    this.#ends.length = Math.min(this.#ends.length, rows);
    return this.#ends[rows - 1] ?? 0;
  }
}

/** Where a descriptor's texts stand in one block's dictionaries. */
export interface FactIndexes {
  readonly block: symbol;
  readonly feature: number;
  readonly meter: number;
  readonly limits: readonly number[];
}

/** The open block of usage_facts, one partition's. */
export class FactColumns extends TableColumns {
  readonly table = 'usage_facts';
  #dictionary = Symbol();
  readonly chargedAt = new Int64Column(INSTANT);
  readonly happenedAt = new Int64Column(INSTANT);
  readonly customer = new StringColumn();
  readonly entity = new StringColumn();
  readonly feature = new DictionaryColumn();
  readonly meter = new DictionaryColumn();
  readonly amount = new Int64Column('Int64');
  readonly meterAmount = new Int64Column('Int64');
  readonly kind = new ByteColumn("Enum8('check' = 0, 'record' = 1, 'commit' = 2, 'void' = 3)");
  readonly late = new ByteColumn('Bool');
  readonly source = new DictionaryColumn();
  readonly id = new StringColumn();
  readonly dimensionKeys = new DictionaryColumn();
  readonly dimensionValues = new StringColumn();
  readonly limitIds = new DictionaryColumn();
  readonly limitWindowStarts = new Int64Column('Int64');
  readonly limitAfter = new Int64Column('Int64');
  readonly limitIncluded = new Int64Column('Int64');
  readonly version = new Int64Column('UInt64');
  readonly #dimensions = new Runs();
  readonly #limits = new Runs();

  /** Another one as soon as the dictionaries begin anew: indexes of before mean nothing then. */
  get dictionary(): symbol {
    return this.#dictionary;
  }

  indexesOf(texts: { feature: string; meter: string; limits: readonly { readonly id: string }[] }): FactIndexes {
    return {
      block: this.#dictionary,
      feature: this.feature.index(texts.feature),
      meter: this.meter.index(texts.meter),
      limits: texts.limits.map(({ id }) => this.limitIds.index(id)),
    };
  }

  endDimensions(): void {
    this.#dimensions.end(this.dimensionKeys.length);
  }

  endLimits(): void {
    this.#limits.end(this.limitIds.length);
  }

  protected named(): NamedColumns {
    const { offsets } = this.#limits;
    return {
      charged_at: this.chargedAt,
      happened_at: this.happenedAt,
      customer: this.customer,
      entity: this.entity,
      feature: this.feature,
      meter: this.meter,
      amount: this.amount,
      meter_amount: this.meterAmount,
      kind: this.kind,
      late: this.late,
      source: this.source,
      id: this.id,
      dimensions: new MapColumn(this.#dimensions.offsets, this.dimensionKeys, this.dimensionValues),
      limit_ids: new ArrayColumn(offsets, this.limitIds),
      limit_window_starts: new ArrayColumn(offsets, this.limitWindowStarts),
      limit_after: new ArrayColumn(offsets, this.limitAfter),
      limit_included: new ArrayColumn(offsets, this.limitIncluded),
      catalog_version: this.version,
    };
  }

  protected cut(rows: number): void {
    this.#dictionary = Symbol();
    const plain = [this.chargedAt, this.happenedAt, this.customer, this.entity, this.feature, this.meter, this.amount];
    const more = [this.meterAmount, this.kind, this.late, this.source, this.id, this.version];
    for (const column of [...plain, ...more]) column.truncate(rows);
    const dimensions = this.#dimensions.cut(rows);
    this.dimensionKeys.truncate(dimensions);
    this.dimensionValues.truncate(dimensions);
    const limits = this.#limits.cut(rows);
    for (const column of [this.limitIds, this.limitWindowStarts, this.limitAfter, this.limitIncluded]) {
      column.truncate(limits);
    }
  }
}

/** The open block of denials, one partition's. */
export class DenialColumns extends TableColumns {
  readonly table = 'denials';
  readonly deniedAt = new Int64Column(INSTANT);
  readonly customer = new StringColumn();
  readonly entity = new StringColumn();
  readonly feature = new DictionaryColumn();
  readonly meter = new DictionaryColumn();
  readonly reason = new DictionaryColumn();
  readonly deniedBy = new DictionaryColumn();
  readonly amount = new Int64Column('Int64');
  readonly denials = new UInt32Column();
  readonly limitIds = new DictionaryColumn();
  readonly limitUsed = new Int64Column('Int64');
  readonly limitIncluded = new Int64Column('Int64');
  readonly version = new Int64Column('UInt64');
  readonly #deniedBy = new Runs();
  readonly #limits = new Runs();

  endDeniedBy(): void {
    this.#deniedBy.end(this.deniedBy.length);
  }

  endLimits(): void {
    this.#limits.end(this.limitIds.length);
  }

  protected named(): NamedColumns {
    const { offsets } = this.#limits;
    return {
      denied_at: this.deniedAt,
      customer: this.customer,
      entity: this.entity,
      feature: this.feature,
      meter: this.meter,
      reason: this.reason,
      denied_by: new ArrayColumn(this.#deniedBy.offsets, this.deniedBy),
      amount: this.amount,
      denials: this.denials,
      limit_ids: new ArrayColumn(offsets, this.limitIds),
      limit_used: new ArrayColumn(offsets, this.limitUsed),
      limit_included: new ArrayColumn(offsets, this.limitIncluded),
      catalog_version: this.version,
    };
  }

  protected cut(rows: number): void {
    const plain = [this.deniedAt, this.customer, this.entity, this.feature, this.meter, this.reason, this.amount];
    for (const column of [...plain, this.denials, this.version]) column.truncate(rows);
    this.deniedBy.truncate(this.#deniedBy.cut(rows));
    const limits = this.#limits.cut(rows);
    for (const column of [this.limitIds, this.limitUsed, this.limitIncluded]) column.truncate(limits);
  }
}

/** The open block of catalog_changes. */
export class ChangeColumns extends TableColumns {
  readonly table = 'catalog_changes';
  readonly changedAt = new Int64Column(INSTANT);
  readonly version = new Int64Column('UInt64');
  readonly actor = new StringColumn();
  readonly owner = new DictionaryColumn();
  readonly type = new DictionaryColumn();
  readonly id = new StringColumn();
  readonly before = new StringColumn();
  readonly after = new StringColumn();

  protected named(): NamedColumns {
    return {
      changed_at: this.changedAt,
      version: this.version,
      actor: this.actor,
      owner: this.owner,
      type: this.type,
      id: this.id,
      before: this.before,
      after: this.after,
    };
  }

  protected cut(rows: number): void {
    for (const column of Object.values(this.named())) column.truncate(rows);
  }
}
