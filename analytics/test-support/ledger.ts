import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CatalogDocument, Customer } from '../../engine/index.js';
import { ClickHouse } from '../clickhouse.js';
import { migrate } from '../migrate.js';
import type { CurrentCatalog } from '../reports/near-limits.js';
import { Batch } from '../sink/batch.js';
import { Inserter } from '../sink/insert.js';
import { buildEntry, type TestEntry } from './entry-builder.js';

/** A ledger of its own, in an embedded ClickHouse. */
export class Ledger {
  readonly clickhouse: ClickHouse;
  readonly #home: string;

  private constructor(home: string, clickhouse: ClickHouse) {
    this.#home = home;
    this.clickhouse = clickhouse;
  }

  static async open(): Promise<Ledger> {
    const home = await mkdtemp(join(tmpdir(), 'weir-ledger-'));
    const clickhouse = await ClickHouse.open({ home, clickhouseUrl: undefined });
    await migrate(clickhouse);
    return new Ledger(home, clickhouse);
  }

  write(entries: readonly TestEntry[]): Promise<void> {
    return fill(this.clickhouse, entries);
  }

  async close(): Promise<void> {
    await this.clickhouse.close();
    await rm(this.#home, { recursive: true, force: true });
  }
}

let entriesWritten = 0;

/** Inserts entries as the sink would, each with a place in an outbox of its own. */
export async function fill(clickhouse: ClickHouse, entries: readonly TestEntry[]): Promise<void> {
  const inserter = new Inserter({ clickhouse, log: { warn: () => undefined } });
  await inserter.takeOver();
  const batch = new Batch();
  for (const entry of entries) {
    const outboxSeq = entriesWritten++;
    const fault = batch.add({ epoch: 1, shard: 's00', outboxMs: 1, outboxSeq, bytes: buildEntry(entry) });
    if (fault !== undefined) throw new Error(fault);
  }
  await inserter.insert(batch, () => true);
}

/** A catalog as reports ask it, from a document. */
export function reportCatalog(document: CatalogDocument): CurrentCatalog {
  const byId = <T extends { readonly id: string }>(objects: readonly T[]): Map<string, T> =>
    new Map(objects.map((object) => [object.id, object]));
  const [meters, features] = [byId(document.meters), byId(document.features)];
  const [plans, addons, customers] = [byId(document.plans), byId(document.addons), byId<Customer>(document.customers)];
  return {
    meter: (id) => meters.get(id),
    feature: (id) => features.get(id),
    plan: (id) => plans.get(id),
    addon: (id) => addons.get(id),
    plans: () => plans.values(),
    addons: () => addons.values(),
    customer: (id) => customers.get(id) ?? null,
    loadCustomer: async (id) => customers.get(id) ?? null,
  };
}
