import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { assetPath, readAsset } from '../engine/platform/assets.js';
import type { Logger } from '../engine/platform/log.js';
import type { ClickHouse } from './clickhouse.js';

const RETRY_MS = 500;
const FOLDER = 'analytics/migrations';
const FILE = /^\d{4}_[a-z0-9_]+\.sql$/;

const appliedSchema = z.object({ name: z.string(), checksum: z.string() });

/**
 * Applies the migrations that were not applied yet, in the order of their names. Forward only; a file that was applied
 * must not change, which its checksum tells. Every statement can be repeated (`IF NOT EXISTS`), so a run that was cut
 * off is simply run again.
 *
 * @throws Error for a file that changed after it was applied.
 * @returns names of those applied now.
 */
export async function migrate(clickhouse: ClickHouse): Promise<string[]> {
  await clickhouse.command(`
    CREATE TABLE IF NOT EXISTS migrations
    (name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
    ENGINE = MergeTree ORDER BY name`);
  const rows = await clickhouse.query('SELECT name, checksum FROM migrations', {}, appliedSchema);
  const applied = new Map(rows.map((row) => [row.name, row.checksum]));
  const done: string[] = [];
  for (const name of readdirSync(assetPath(FOLDER))
    .filter((file) => FILE.test(file))
    .sort()) {
    const sql = readAsset(`${FOLDER}/${name}`);
    const checksum = createHash('sha256').update(sql).digest('hex');
    const before = applied.get(name);
    if (before === checksum) continue;
    if (before !== undefined) throw new Error(`${name} was applied with another text: add a new migration instead`);
    for (const statement of statements(sql)) await clickhouse.command(statement);
    await clickhouse.command('INSERT INTO migrations (name, checksum) VALUES ({name:String}, {checksum:String})', {
      name,
      checksum,
    });
    done.push(name);
  }
  return done;
}

/** As `migrate`, once ClickHouse can be reached: processes start in any order. */
export async function migrateOnceReachable(clickhouse: ClickHouse, log: Pick<Logger, 'info' | 'warn'>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await clickhouse.ping();
      break;
    } catch (error) {
      if (attempt % 20 === 0) log.warn({ error }, 'waiting for ClickHouse');
      await delay(RETRY_MS);
    }
  }
  const applied = await migrate(clickhouse);
  if (applied.length > 0) log.info({ applied }, 'migrated ClickHouse');
}

/** Statements of a file: split at a semicolon that ends a line. */
function statements(sql: string): string[] {
  return sql
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/^\s*--.*$/gm, '').trim() !== '');
}
