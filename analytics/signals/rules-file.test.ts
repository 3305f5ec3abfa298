import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEFAULT_RULES, loadRules, parseRules } from './rules-file.js';

test('the file that is shipped says the defaults', () => {
  expect(loadRules(undefined)).toEqual(DEFAULT_RULES);
});

test('what a file leaves out is as in the defaults', () => {
  const rules = parseRules('churn: { silent: { daysMin: 20 }, useDown: { enabled: false } }', 'mine.yaml');
  expect(rules.churn.silent).toEqual({ ...DEFAULT_RULES.churn.silent, daysMin: 20 });
  expect(rules.churn.useDown.enabled).toBe(false);
  expect(rules.upsell).toEqual(DEFAULT_RULES.upsell);
  expect(parseRules('', 'empty.yaml')).toEqual(DEFAULT_RULES);
});

test('a file that does not hold is refused, with the field', () => {
  expect(() => parseRules('churn: { quiet: {} }', 'mine.yaml')).toThrow(/mine\.yaml does not hold[\s\S]*quiet/);
  expect(() => parseRules('churn: { useDown: { days: 10 } }', 'mine.yaml')).toThrow(/whole weeks/);
  expect(() => parseRules('upsell: { repeatedlyOver: { windowsOverMin: 9 } }', 'mine.yaml')).toThrow(/windowsOverMin/);
  expect(() => parseRules('returnDays: "14"', 'mine.yaml')).toThrow(/returnDays/);
  const path = join(tmpdir(), `weir-rules-${process.pid}.yaml`);
  writeFileSync(path, ' '.repeat(70_000));
  expect(() => loadRules(path)).toThrow(/larger than/);
});
