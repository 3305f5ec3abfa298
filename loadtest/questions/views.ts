import { launchBrowser, signInWith, visit } from '../../analytics/console/test-support/browser.js';
import { markdownTable, writeSection } from '../report/document.js';
import { figure, machineText, spreadText } from '../report/format.js';
import { machineFacts } from '../report/machine.js';
import { spreadOf } from '../report/spread.js';
import { terminalTable } from '../report/terminal.js';
import { withLargeLedger } from './ledger.js';
import type { ViewsOptions } from './options.js';
import { customerId } from './population.js';

/** A page is there in less than this, ms. */
const TARGET_MS = 1_000;
/** Between two pages: a report that the page before asked for may still be read. */
const REST_MS = 2_000;

const PAGES: readonly (readonly [name: string, hash: string])[] = [
  ['overview', '#/'],
  ['accounts near their limits', '#/accounts'],
  ['all accounts', '#/customers'],
  ['an account', `#/customers/${customerId(0)}`],
  ['signals', '#/signals'],
  ['plans', '#/plans'],
  ['finance report', '#/finance'],
];

const HEAD = ['', 'first paint, ms', 'all of it, ms', `< ${TARGET_MS} ms`];
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

/** Opens every page of the console over a ledger of many customers. @returns the exit code. */
export async function runViews(options: ViewsOptions): Promise<number> {
  const { facts, customers, times } = options;
  const rows = await withLargeLedger(options, ({ origin, adminKey }) => openAll(origin, adminKey, times));
  console.log(terminalTable([HEAD, ...rows]).join('\n'));
  if (options['write-docs']) {
    const text = [
      '## First view of the console',
      `Measured ${new Date().toISOString().slice(0, 10)} on ${machineText(machineFacts())}, over ${figure(facts)} facts of ` +
        `${figure(customers)} customers: each page opened ${times} times by its address in a real Chromium that is signed in, ` +
        'with nothing of it in the page before; medians (least–most) from the address to the first paint, and until no part of the page waits any more.',
      markdownTable(HEAD, rows),
    ].join('\n\n');
    console.log(`\nwrote ${writeSection('views', text)}`);
  }
  return 0;
}

async function openAll(origin: string, key: string, times: number): Promise<string[][]> {
  const browser = await launchBrowser();
  try {
    const { page } = await visit(browser, origin);
    await page.goto('/');
    await signInWith(page, key);
    await page.locator('main').waitFor();
    const rows: string[][] = [];
    for (const [name, hash] of PAGES) {
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
  } finally {
    await browser.close();
  }
}
