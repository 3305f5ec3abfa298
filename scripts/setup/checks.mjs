/** What `npm test` runs, in order, and how it adds up. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, SetupError, tool } from './paths.mjs';
import { run } from './process.mjs';
import { elapsed } from './progress.mjs';

/** Checks without a count of their own: each passes or fails. */
const STATIC_CHECKS = [
  { title: 'lint', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { title: 'types', command: 'tsc', args: ['--noEmit'] },
  { title: 'types of scripts', command: 'tsc', args: ['--project', 'scripts'] },
  { title: 'types of the console', command: 'tsc', args: ['--project', 'analytics/console/web'] },
  { title: 'dead code', command: 'knip', args: [] },
];
const TEST_PROJECTS = ['unit', 'integration', 'system', 'faults'];

/**
 * @typedef {object} Count
 * @property {number} passed
 * @property {number} failed
 */

/**
 * Tests counted from vitest's JSON report. A file that broke before its tests, and a run that failed without a failed
 * test (an error outside of any), count as one failure: a failed run never adds up to "0 failed".
 *
 * @param {string | undefined} report undefined when vitest wrote none
 * @param {number} code vitest's exit code
 * @returns {Count}
 */
export function countTests(report, code) {
  if (report === undefined) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(report);
  const broken = testResults.filter(
    (/** @type {{ status: string, assertionResults: { status: string }[] }} */ file) =>
      file.status === 'failed' && !file.assertionResults.some((result) => result.status === 'failed'),
  ).length;
  const failed = numFailedTests + broken;
  return { passed: numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
}

/**
 * Runs everything, stops at the first step that fails, and prints `N passed, N failed` as its last line.
 *
 * @param {() => Promise<void>} setUp
 * @returns {Promise<number>} exit code
 */
export async function runChecks(setUp) {
  const total = { passed: 0, failed: 0 };
  const steps = [
    { title: 'set-up', work: () => succeeds(setUp) },
    ...STATIC_CHECKS.map(({ title, command, args }) => ({ title, work: () => runStatic(command, args) })),
    ...TEST_PROJECTS.map((project) => ({ title: `${project} tests`, work: () => runTests(project) })),
  ];
  for (const { title, work } of steps) {
    console.log(`── ${title}`);
    const start = performance.now();
    const count = await work();
    total.passed += count.passed;
    total.failed += count.failed;
    console.log(`── ${title}: ${count.failed === 0 ? 'ok' : 'FAILED'} in ${elapsed(start)}\n`);
    if (count.failed > 0) break;
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}

/** @param {() => Promise<void>} work @returns {Promise<Count>} */
async function succeeds(work) {
  try {
    await work();
    return { passed: 0, failed: 0 };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return { passed: 0, failed: 1 };
  }
}

/** @param {string} command @param {readonly string[]} args @returns {Promise<Count>} */
async function runStatic(command, args) {
  const { code } = await run(tool(command), args, { cwd: ROOT, show: true });
  return { passed: 0, failed: code === 0 ? 0 : 1 };
}

/** @param {string} project @returns {Promise<Count>} */
async function runTests(project) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-report-'));
  const file = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { code } = await run(tool('vitest'), ['run', '--project', project, ...reporters], { cwd: ROOT, show: true });
  const count = countTests(existsSync(file) ? readFileSync(file, 'utf8') : undefined, code);
  rmSync(folder, { recursive: true });
  return count;
}
