import type { ApiKey, Feature, Meter } from '../contract/catalog.js';
import { parseText } from './current.js';
import { type BodyOf, DEFINITION_TYPES } from './objects.js';
import type { StoredText } from './stored.js';

/** The types that a gateway keeps whole. */
export const TABLE_TYPES = [...DEFINITION_TYPES, 'key'] as const;
export type TableType = (typeof TABLE_TYPES)[number];

export const isTableType = (type: string): type is TableType => TABLE_TYPES.some((known) => known === type);

/** Objects of one type by id. An object keeps its identity while its text stays the same. */
class Table<T extends TableType> {
  readonly #type: T;
  readonly #rows = new Map<string, { text: string; body: BodyOf[T] }>();

  constructor(type: T) {
    this.#type = type;
  }

  get(id: string): BodyOf[T] | undefined {
    return this.#rows.get(id)?.body;
  }

  /** Bodies by the order of their ids, the same on every gateway. */
  ordered(): BodyOf[T][] {
    return [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row.body);
  }

  /** @param text canonical JSON of the body; null: there is none any more. */
  put(id: string, text: string | null): void {
    if (text === null) this.#rows.delete(id);
    else if (this.#rows.get(id)?.text !== text) this.#rows.set(id, { text, body: parseText(this.#type, text) });
  }

  replace(rows: ReadonlyMap<string, StoredText>): void {
    for (const id of [...this.#rows.keys()]) if (!rows.has(id)) this.#rows.delete(id);
    for (const [id, { text }] of rows) this.put(id, text);
  }
}

/** Meters, features, plans, add-ons and keys, with what is looked up in them ready made. */
export class Tables {
  readonly meter = new Table('meter');
  readonly feature = new Table('feature');
  readonly plan = new Table('plan');
  readonly addon = new Table('addon');
  readonly key = new Table('key');
  #features: readonly Feature[] = [];
  #metersByEventType = new Map<string, Meter[]>();
  #keysByHash = new Map<string, ApiKey>();

  get features(): readonly Feature[] {
    return this.#features;
  }

  metersOfType(eventType: string): readonly Meter[] {
    return this.#metersByEventType.get(eventType) ?? [];
  }

  keyByHash(hash: string): ApiKey | undefined {
    return this.#keysByHash.get(hash);
  }

  put(type: TableType, id: string, text: string | null): void {
    this[type].put(id, text);
  }

  replace(types: ReadonlyMap<TableType, ReadonlyMap<string, StoredText>>): void {
    for (const type of TABLE_TYPES) this[type].replace(types.get(type) ?? new Map());
    this.derive(TABLE_TYPES);
  }

  /** Makes anew what is looked up, after objects of these types changed. */
  derive(types: Iterable<TableType>): void {
    const changed = new Set(types);
    if (changed.has('feature')) this.#features = this.feature.ordered();
    if (changed.has('meter')) {
      this.#metersByEventType = new Map();
      for (const meter of this.meter.ordered()) {
        const meters = this.#metersByEventType.get(meter.eventType);
        if (meters === undefined) this.#metersByEventType.set(meter.eventType, [meter]);
        else meters.push(meter);
      }
    }
    if (changed.has('key')) this.#keysByHash = new Map(this.key.ordered().map((key) => [key.hash, key]));
  }
}
