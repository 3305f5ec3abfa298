import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { ClickHouse } from '../../analytics/clickhouse.js';
import { launchBrowser } from '../../analytics/console/test-support/browser.js';
import { openCatalog } from '../../analytics/control/open-catalog.js';
import { startControl } from '../../analytics/control/start.js';
import { migrate } from '../../analytics/migrate.js';
import { readAsset } from '../../engine/platform/assets.js';
import { createLogger } from '../../engine/platform/log.js';
import { startRedis } from '../harness/services.js';
import { writeSection } from '../report/document.js';
import { machineFacts } from '../report/machine.js';
import { terminalTable } from '../report/terminal.js';
import { type Asked, ask } from './ask.js';
import type { LedgerOptions } from './options.js';
import { customerId, populationOf } from './population.js';
import { lastMonth, questionsOf } from './questions.js';
import { HEAD, type Held, heldText, type QuestionsReport, questionsMarkdown, rowsOf } from './report.js';
import { openPages, VIEWS_HEAD, viewsMarkdown } from './views.js';

/** A large ledger behind the control plane's own routes: a main, since it puts all parts together. */

const DAYS = 92;
const DAY_MS = 86_400_000;
/** Facts of one insert. */
const BATCH_FACTS = 5_000_000;
/** How long merges are waited for, s: a ledger that has grown over months has done its merging. */
const MERGE_SECONDS_MAX = 600;
const ADMIN_KEY = 'the-admin-key-of-the-questions-load-test';

/** Asks the usual questions of a large ledger. @returns the exit code. */
export async function runQuestions(options: LedgerOptions): Promise<number> {
  const report = await measure(options);
  console.log(`\n${heldText(report.held)}\n`);
  console.log(terminalTable([HEAD, ...rowsOf(report.asked)]).join('\n'));
  if (options['write-docs']) console.log(`\nwrote ${writeSection('questions', questionsMarkdown(report))}`);
  return 0;
}

/** Opens every page of the console over a ledger of many customers. @returns the exit code. */
export async function runViews(options: LedgerOptions): Promise<number> {
  const { facts, customers, times } = options;
  const rows = await withLargeLedger(options, async ({ origin, adminKey }) => {
    const browser = await launchBrowser();
    try {
      return await openPages(browser, { origin, adminKey, account: customerId(0), times });
    } finally {
      await browser.close();
    }
  });
  console.log(terminalTable([VIEWS_HEAD, ...rows]).join('\n'));
  const text = viewsMarkdown({ machine: machineFacts(), facts, customers, times, rows });
  if (options['write-docs']) console.log(`\nwrote ${writeSection('views', text)}`);
  return 0;
}

function measure(options: LedgerOptions): Promise<QuestionsReport> {
  const { customers, times } = options;
  return withLargeLedger(options, async ({ clickhouse, origin, adminKey, fillSeconds }) => {
    const [loadAtStart = 0] = loadavg();
    const asked: Asked[] = [];
    for (const question of questionsOf(lastMonth(Date.now()))) {
      const answered = await ask(origin, adminKey, question, times, () => forget(clickhouse));
      asked.push(answered);
      console.log(`${question.name}: ${Math.round(answered.coldMs)} ms, then ${Math.round(answered.warmMs)} ms`);
    }
    const held = await heldBy(clickhouse, customers, fillSeconds);
    return { startedAt: new Date().toISOString(), machine: machineFacts(), loadAtStart, times, held, asked };
  });
}

async function forget(clickhouse: ClickHouse): Promise<void> {
  for (const cache of ['MARK CACHE', 'UNCOMPRESSED CACHE']) await clickhouse.command(`SYSTEM DROP ${cache}`);
}

const rollUpSchema = z.object({ name: z.string(), rows: z.coerce.number(), bytes: z.coerce.number() });

async function heldBy(clickhouse: ClickHouse, customers: number, fillSeconds: number | null): Promise<Held> {
  const active =
    "FROM system.parts WHERE active AND database = currentDatabase() AND table IN ('usage_facts', 'denials')";
  return {
    facts: await count(clickhouse, 'SELECT count() AS n FROM usage_facts'),
    denials: await count(clickhouse, 'SELECT count() AS n FROM denials'),
    customers,
    bytesOnDisk: await count(clickhouse, `SELECT sum(bytes_on_disk) AS n ${active}`),
    parts: await count(clickhouse, `SELECT count() AS n ${active}`),
    rollUps: await clickhouse.query(
      `SELECT name, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.projection_parts
       WHERE active AND table = 'usage_facts' GROUP BY name ORDER BY name`,
      {},
      rollUpSchema,
    ),
    fillSeconds,
  };
}

interface LargeLedger {
  readonly clickhouse: ClickHouse;
  /** Of the control plane. */
  readonly origin: string;
  readonly adminKey: string;
  /** Null where the tables were there before. */
  readonly fillSeconds: number | null;
}

/** Fills the tables where they are not there, and starts the control plane on them for as long as `use` takes. */
async function withLargeLedger<T>(options: LedgerOptions, use: (ledger: LargeLedger) => Promise<T>): Promise<T> {
  const home =
    options.folder === undefined ? await mkdtemp(join(tmpdir(), 'weir-questions-')) : resolve(options.folder);
  try {
    return await withTables(home, options, use);
  } finally {
    if (options.folder === undefined) await rm(home, { recursive: true, force: true });
  }
}

async function withTables<T>(
  home: string,
  options: LedgerOptions,
  use: (ledger: LargeLedger) => Promise<T>,
): Promise<T> {
  const { facts, customers } = options;
  const { catalog, included } = populationOf(customers, (facts * 30) / DAYS);
  const clickhouse = await ClickHouse.open({ home, clickhouseUrl: undefined }, 4);
  await migrate(clickhouse);
  const fillSeconds = await fill(clickhouse, options, included);
  const file = join(home, 'catalog.json');
  await writeFile(file, catalog);
  const redis = await startRedis();
  const log = createLogger('questions', { logLevel: 'fatal', logFormat: 'json' });
  const open = await openCatalog({ redisUrl: redis.url, catalog: file }, log);
  const config = {
    host: '127.0.0.1',
    consolePort: 0,
    adminKey: ADMIN_KEY,
    reconcileSeconds: 0,
    closeDays: 0,
    forecastSeconds: 0,
    signals: undefined,
  };
  const control = await startControl({ config, catalog: open, clickhouse, registry: new Registry(), log });
  try {
    return await use({
      clickhouse,
      origin: `http://127.0.0.1:${control.port}`,
      adminKey: ADMIN_KEY,
      fillSeconds,
    });
  } finally {
    await control.stop();
    await open.close();
    await clickhouse.close();
    await redis.stop();
  }
}

const countSchema = z.object({ n: z.coerce.number() });
const count = async (clickhouse: ClickHouse, sql: string): Promise<number> =>
  (await clickhouse.query(sql, {}, countSchema))[0]?.n ?? 0;

/** @returns seconds it took; null where the facts are there already. */
async function fill(
  clickhouse: ClickHouse,
  { facts, customers }: LedgerOptions,
  included: readonly number[],
): Promise<number | null> {
  const there = await count(clickhouse, 'SELECT count() AS n FROM usage_facts');
  if (there === facts) return null;
  if (there > 0) throw new Error(`the folder holds ${there} facts, not ${facts}: take another one, or remove it`);
  const began = performance.now();
  const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
  const span = { beginMs: hour - DAYS * DAY_MS, spanMs: DAYS * DAY_MS, customers };
  const insertFacts = readAsset('loadtest/questions/fill-facts.sql');
  for (let fromFact = 0; fromFact < facts; fromFact += BATCH_FACTS) {
    const toFact = Math.min(facts, fromFact + BATCH_FACTS);
    await clickhouse.command(insertFacts, { ...span, facts, fromFact, toFact, included });
    console.log(`${toFact} facts after ${Math.round((performance.now() - began) / 1_000)} s`);
  }
  const denials = Math.max(1, Math.floor(facts / 100));
  await clickhouse.command(readAsset('loadtest/questions/fill-denials.sql'), { ...span, denials });
  await untilMerged(clickhouse);
  return (performance.now() - began) / 1_000;
}

async function untilMerged(clickhouse: ClickHouse): Promise<void> {
  for (let second = 0, quiet = 0; second < MERGE_SECONDS_MAX && quiet < 5; second++) {
    quiet = (await count(clickhouse, 'SELECT count() AS n FROM system.merges')) === 0 ? quiet + 1 : 0;
    await delay(1_000);
  }
}
