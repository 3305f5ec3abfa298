import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../../loadtest/harness/stack.js';
import { launchBrowser, pictureFolder, signInWith, type Visit, violations, visit } from './test-support/browser.js';

/** The console of a whole Weir, with usage that came in by the API: from a check to what a person reads. */

const pictures = pictureFolder();
let stack: Stack;
let browser: Browser;
let visitor: Visit;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser();
  stack = await startStack();
  await useSome();
  visitor = await visit(browser, stack.console);
  page = visitor.page;
});
afterAll(async () => {
  console.log(`pictures of the console: ${pictures}`);
  await browser?.close();
  await stack?.stop();
});

const customers = (): Promise<string[]> => page.locator('tbody [data-row]').allTextContents();
const picture = (name: string) => page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
const soon = { timeout: 30_000 };

/** @throws Error with the answer when the API does not take it. */
async function post(path: string, body: unknown): Promise<unknown> {
  const response = await fetch(stack.dataPlane + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/** An event is always charged, whatever the burst allows: most of a month in a few lines. */
const event = (customer: string, totalTokens: number, id: string) => ({
  specversion: '1.0',
  id,
  source: 'console-test',
  type: 'llm.request',
  subject: customer,
  data: { totalTokens, contextTokens: totalTokens, generatedTokens: 0, model: 'large', region: 'eu' },
});

async function useSome(): Promise<void> {
  await post('/v1/events', [
    event('acme', 1_350_000, 'a'),
    event('globex', 23_000_000, 'b'),
    event('initech', 97_412, 'c'),
    event('kaori', 550_000, 'd'),
  ]);
  // What the month has no room for is denied, and lands in the ledger of denials.
  await post('/v1/check', { customer: 'initech', feature: 'chat', amount: 4_000 });
  await post('/v1/check', { customer: 'acme', feature: 'api', amount: 3 });
}

it('shows who signs in which accounts are near their limits, and what is behind each number', async () => {
  await page.goto('/#/accounts?threshold=50');
  await signInWith(page, 'not-the-admin-key');
  await page.getByText('This key is unknown, or was revoked.').waitFor();
  await signInWith(page, stack.adminKey);
  await expect.poll(customers, soon).toEqual(['globex', 'initech', 'acme', 'kaori']);
  await page.getByText('115%').waitFor();
  await picture('stack-accounts');
  expect(await violations(page)).toEqual([]);

  await page.getByRole('radio', { name: '≥ 90%' }).check();
  await expect.poll(customers, soon).toEqual(['globex', 'initech', 'acme']);
  await page.keyboard.press('/');
  await page.keyboard.type('acme');
  await expect.poll(customers, soon).toEqual(['acme']);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Acme GmbH' }).waitFor();
  const limits = page.getByRole('table', { name: 'Every limit of Acme GmbH' });
  await limits.getByText('1,350,000').first().waitFor();
  await page.getByText(/1,350,000 of 1,500,000 tokens \(90%\)/).waitFor();
  await page.locator('.chart canvas').waitFor();
  await picture('stack-customer');
  expect(await violations(page)).toEqual([]);
});

it('follows the counters while one looks', async () => {
  await post('/v1/events', [event('acme', 1_234, 'e')]);
  const limits = page.getByRole('table', { name: 'Every limit of Acme GmbH' });
  await limits.getByText('1,351,234').first().waitFor(soon);
  await page.getByText(/1,351,234 of 1,500,000 tokens/).waitFor(soon);
});

it('says why something was denied, and what the catalog was then', async () => {
  await page.goto('/#/customers/initech');
  const denials = page.getByRole('table', { name: 'Denials of Initech' });
  await denials.getByText('97,412 used of 100,000').waitFor(soon);
  await denials.getByText('Over the limit').last().waitFor();
  await picture('stack-denials');
  await denials.getByRole('link').last().click();
  await page.getByRole('heading', { name: 'Catalog changes' }).waitFor();
  await page.getByText('added').first().waitFor();
  await picture('stack-changes');
  expect(await violations(page)).toEqual([]);
});

it('tells of traffic as it comes, and of every step of its way', async () => {
  await page.goto('/#/');
  const steps = page.getByRole('listitem').filter({ hasText: /: fine/ });
  await expect.poll(() => steps.count(), soon).toBe(6);
  const tile = page.getByRole('link', { name: /^Denied a second/ });
  await expect
    .poll(async () => {
      for (let count = 0; count < 20; count++) {
        await post('/v1/check', { customer: 'initech', feature: 'chat', amount: 4_000 });
      }
      return Number.parseFloat((await tile.locator('.tile-value').textContent()) ?? '');
    }, soon)
    .toBeGreaterThan(0);
  await page.getByText('Over the limit').waitFor();
  await page.getByText('p99').first().waitFor();
  await picture('stack-overview');
  expect(await violations(page)).toEqual([]);

  await page.goto('/#/plans');
  await page.getByRole('region', { name: 'Pro' }).getByText('use it').first().waitFor();
  await page.goto('/#/customers?q=acme');
  await expect.poll(customers, soon).toEqual(['Acme GmbH']);
  await page.goto('/#/customers/acme');
  await page
    .getByRole('table', { name: /^What Acme GmbH was charged/ })
    .getByText('1,350,000')
    .first()
    .waitFor(soon);
});

it('complains of nothing, and asks nobody else', () => {
  // The key that was wrong on purpose is the only failure that the browser saw; and what this Weir does not have.
  expect(visitor.complaints.filter((line) => !/401|404/.test(line))).toEqual([]);
});

it('a revoked key has no session any more', async () => {
  const control = (method: string, path: string, body?: string) =>
    fetch(stack.console + path, {
      method,
      headers: { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    });
  const made: unknown = await (await control('PUT', '/v1/keys/support', '{"scopes":["read"]}')).json();
  const key = typeof made === 'object' && made !== null && 'key' in made ? String(made.key) : '';
  const other = await visit(browser, stack.console);
  await other.page.goto('/#/customers/acme');
  await signInWith(other.page, key);
  await other.page.getByRole('heading', { name: 'Acme GmbH' }).waitFor();
  expect((await control('DELETE', '/v1/keys/support')).status).toBe(200);
  await other.page.getByText('Your session is over.').waitFor(soon);
  await other.context.close();
});
