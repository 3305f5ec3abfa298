import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageRoot, readAsset } from '../../engine/platform/assets.js';

/** Metrics held against what looks at them: the table of docs/operations.md, the dashboard, the alerts. */

const sources = execFileSync('git', ['grep', '-hE', "'weir_[a-z_]+'", '--', '*.ts', ':!*.test.ts', ':!loadtest'], {
  cwd: packageRoot(),
  encoding: 'utf8',
});
const known = new Set([...sources.matchAll(/(?:name: |\[|^ +)'(weir_[a-z_]*[a-z])'/gm)].map((match) => match[1]));
const operations = readAsset('docs/operations.md');

/** Metrics of Node that dashboard and alerts use: prom-client's names. */
const OF_NODE = new Set([
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_gc_duration_seconds',
]);

const dashboardSchema = z.object({
  title: z.string(),
  uid: z.string(),
  schemaVersion: z.int(),
  panels: z.array(
    z.object({
      id: z.int(),
      type: z.enum(['row', 'timeseries']),
      title: z.string().min(1),
      gridPos: z.object({ h: z.int(), w: z.int().max(24), x: z.int().max(23), y: z.int() }),
      targets: z.array(z.object({ refId: z.string(), expr: z.string().min(1), legendFormat: z.string() })).optional(),
    }),
  ),
});
const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Weir\w+$/),
          expr: z.string(),
          for: z.string().regex(/^\d+[smh]$/),
          labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.strictObject({ summary: z.string(), runbook: z.literal('docs/operations.md#alerts') }),
        }),
      ),
    }),
  ),
});

const { panels } = dashboardSchema.parse(JSON.parse(readAsset('docs/grafana/weir.json')));
const alerts = rulesSchema.parse(parse(readAsset('docs/grafana/alerts.yml'))).groups.flatMap(({ rules }) => rules);

/** Names of metrics in an expression that do not exist. */
function unknownIn(expr: string): string[] {
  const names = [...expr.matchAll(/\b(?:weir|process|nodejs)_[a-z0-9_]*[a-z0-9]\b/g)].map(([name]) => name);
  return names.filter((name) => {
    const family = name.replace(/_(bucket|sum|count)$/, '');
    return ![name, family].some((each) => known.has(each) || OF_NODE.has(each));
  });
}

test('every metric stands in the table of docs/operations.md', () => {
  const told = new Set([...operations.matchAll(/`(weir_[a-z_]+)`/g)].map((match) => match[1]));
  expect(known.size).toBeGreaterThan(60);
  expect([...known].filter((name) => !told.has(name))).toEqual([]);
});

test('every metric of the dashboard exists, and its panels do not lie over each other', () => {
  const exprs = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  expect(exprs.length).toBeGreaterThan(40);
  expect(exprs.flatMap(unknownIn)).toEqual([]);
  expect(unknownIn('rate(weir_no_such_total[5m])')).toEqual(['weir_no_such_total']);
  const cells = panels.map(({ gridPos: { x, y } }) => `${x}/${y}`);
  expect(new Set(cells).size).toBe(cells.length);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});

test('every metric of an alert exists, and what to do about it stands in docs/operations.md', () => {
  expect(alerts.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
  const told = [...operations.matchAll(/^\| `(Weir\w+)` \|/gm)].map((match) => match[1] ?? '');
  expect(told.sort()).toEqual(alerts.map(({ alert }) => alert).sort());
});

test('counters end with _total, and durations are in seconds', () => {
  expect([...known].filter((name) => /_(ms|millis|milliseconds)(_|$)/.test(name ?? ''))).toEqual([]);
});
