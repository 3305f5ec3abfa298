import { loadavg } from 'node:os';
import { z } from 'zod';
import type { ClickHouse } from '../../analytics/clickhouse.js';
import { writeSection } from '../report/document.js';
import { machineFacts } from '../report/machine.js';
import { terminalTable } from '../report/terminal.js';
import { type Asked, ask } from './ask.js';
import { count, withLargeLedger } from './ledger.js';
import type { QuestionsOptions } from './options.js';
import { lastMonth, questionsOf } from './questions.js';
import { HEAD, type Held, heldText, type QuestionsReport, questionsMarkdown, rowsOf } from './report.js';

/** Asks the usual questions of a large ledger. @returns the exit code. */
export async function runQuestions(options: QuestionsOptions): Promise<number> {
  const report = await measure(options);
  console.log(`\n${heldText(report.held)}\n`);
  console.log(terminalTable([HEAD, ...rowsOf(report.asked)]).join('\n'));
  if (options['write-docs']) console.log(`\nwrote ${writeSection('questions', questionsMarkdown(report))}`);
  return 0;
}

function measure(options: QuestionsOptions): Promise<QuestionsReport> {
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
