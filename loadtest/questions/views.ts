import type { Browser } from 'playwright-core';
import { markdownTable } from '../report/document.js';
import { figure, machineText, spreadText } from '../report/format.js';
import type { Machine } from '../report/report.js';
import { spreadOf } from '../report/spread.js';

/** A page is there in less than this, ms. */
const TARGET_MS = 1_000;
/** Between two pages: a report that the page before asked for may still be read. */
const REST_MS = 2_000;

const pagesOf = (account: string): readonly (readonly [name: string, hash: string])[] => [
  ['overview', '#/'],
  ['accounts near their limits', '#/accounts'],
  ['all accounts', '#/customers'],
  ['an account', `#/customers/${account}`],
  ['signals', '#/signals'],
  ['plans', '#/plans'],
  ['finance report', '#/finance'],
];

export const VIEWS_HEAD = ['', 'first paint, ms', 'all of it, ms', `< ${TARGET_MS} ms`];
/** Both are run in the page, as text: its own policy lets no function in that would be compiled there. */
const NOTHING_WAITS = `new Promise((resolve) => {
  const look = () => {
    if (document.querySelector('main') && !document.querySelector('.skeleton')) resolve();
    else requestAnimationFrame(look);
  };
  look();
})`;
const FIRST_PAINT = `new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const paint = list.getEntriesByName('first-contentful-paint')[0];
    if (paint) resolve(paint.startTime);
  }).observe({ type: 'paint', buffered: true });
})`;

export interface ViewsReport {
  readonly machine: Machine;
  readonly facts: number;
  readonly customers: number;
  readonly times: number;
  readonly rows: readonly (readonly string[])[];
}

export function viewsMarkdown({ machine, facts, customers, times, rows }: ViewsReport): string {
  return [
    '## First view of the console',
    `Measured ${new Date().toISOString().slice(0, 10)} on ${machineText(machine)}, over ${figure(facts)} facts of ` +
      `${figure(customers)} customers: each page opened ${times} times by its address in a real Chromium that is signed in, ` +
      'with nothing of it in the page before; medians (least–most) from the address to the first paint, and until no part ' +
      'of the page waits any more.',
    markdownTable(VIEWS_HEAD, rows),
  ].join('\n\n');
}

/** Opens every page some times. @returns rows of the table. */
export async function openPages(
  browser: Browser,
  visit: { readonly origin: string; readonly adminKey: string; readonly account: string; readonly times: number },
): Promise<string[][]> {
  const { origin, adminKey, account, times } = visit;
  const context = await browser.newContext({ baseURL: origin });
  const page = await context.newPage();
  await page.goto('/');
  await page.getByLabel('API key').fill(adminKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('main').waitFor();
  const rows: string[][] = [];
  for (const [name, hash] of pagesOf(account)) {
    const paints: number[] = [];
    const wholes: number[] = [];
    for (let time = 0; time < times; time++) {
      await page.goto('about:blank');
      await page.waitForTimeout(REST_MS);
      const began = performance.now();
      await page.goto(`/${hash}`);
      await page.evaluate(NOTHING_WAITS);
      wholes.push(performance.now() - began);
      paints.push(Number(await page.evaluate(FIRST_PAINT)));
    }
    const [paint, whole] = [spreadOf(paints), spreadOf(wholes)];
    console.log(`${name}: ${spreadText(whole)} ms`);
    rows.push([name, spreadText(paint), spreadText(whole), whole.median < TARGET_MS ? 'yes' : '**no**']);
  }
  return rows;
}
