import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser, signInWith, type Visit, violations, visit } from './test-support/browser.js';
import { ADMIN_KEY, type FixtureServer, READ_KEY, startFixtureServer } from './test-support/fixture-server.js';

/** The pages over all accounts in a real browser: overview, accounts, plans, signals, denials, finance; and the themes. */

let browser: Browser;
let server: FixtureServer;
let visitor: Visit;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());
beforeEach(async () => {
  server = await startFixtureServer();
  visitor = await visit(browser, server.url);
  page = visitor.page;
});
afterEach(async () => {
  await visitor.context.close();
  await server.close();
});

const soon = { timeout: 10_000 };

async function signedIn(path: string, key = READ_KEY): Promise<void> {
  await page.goto(path);
  await signInWith(page, key);
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

describe('the overview', () => {
  it('shows traffic, every step of the pipeline, the books, and leads to what is behind each', async () => {
    await signedIn('/');
    await page.getByRole('link', { name: /^Checks a second/ }).waitFor();
    const steps = page.getByRole('listitem').filter({ hasText: /: fine/ });
    await expect.poll(() => steps.count(), soon).toBe(6);
    await page.getByText('Counters equal the ledger').waitFor();
    await page.getByText('p99 1.62 ms').waitFor();
    await page.locator('.chart canvas').waitFor();
    await page.getByRole('link', { name: /^Near a limit/ }).click();
    await page.getByRole('heading', { name: 'Accounts near their limits' }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'Customer suspended' }).click();
    await page.getByRole('heading', { name: 'Denials' }).waitFor();
    expect(await page.getByLabel('Reason').inputValue()).toBe('suspended');
    expect(visitor.complaints).toEqual([]);
  });

  it('renews itself, holds still while paused, and says what cannot be reached', async () => {
    await signedIn('/');
    const tile = page.getByRole('link', { name: /^Checks a second/ });
    const first = await tile.textContent();
    await expect.poll(() => tile.textContent(), soon).not.toBe(first);
    server.problems = ['ClickHouse cannot be reached'];
    await page.getByText('ClickHouse cannot be reached. What depends on it is left out.').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Pause updates' }).click();
    server.problems = [];
    await page.evaluate("fetch('/v1/session').then((response) => response.text())");
    await page.getByText('ClickHouse cannot be reached.').waitFor();
  });

  it('has a place for parts that this Weir does not have', async () => {
    server.missing.add('/v1/signals');
    server.missing.add('/v1/reports/finance');
    await signedIn('/');
    await page.getByText('This Weir does not answer for signals.').waitFor();
    await page.goto('/#/finance');
    await page.getByRole('heading', { name: 'Not available here' }).waitFor();
    expect(await violations(page)).toEqual([]);
  });
});

it('all accounts come in pages, and are found by a part of their name', async () => {
  await signedIn('/#/customers');
  const rows = page.locator('tbody [data-row]');
  await expect.poll(() => rows.count(), soon).toBe(50);
  const first = await rows.first().textContent();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('Page 2').waitFor();
  await expect.poll(() => rows.first().textContent(), soon).not.toBe(first);
  await page.getByRole('button', { name: 'Previous' }).click();
  await expect.poll(() => rows.first().textContent(), soon).toBe(first);
  await page.getByLabel('Find by id or name').fill('gmbh');
  await expect.poll(() => rows.allTextContents(), soon).toEqual(['Acme GmbH']);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Acme GmbH' }).waitFor();
});

it('a plan leads to its customers', async () => {
  await signedIn('/#/plans');
  await page.getByRole('region', { name: 'Pro' }).getByText('72 near', { exact: true }).waitFor();
  await page.getByRole('link', { name: '648 customers' }).click();
  await page.getByRole('link', { name: 'Plan pro : show all plans' }).waitFor();
  await expect.poll(() => page.locator('tbody [data-row]').count(), soon).toBe(40);
});

describe('signals', () => {
  const cards = () => page.getByRole('list', { name: 'Signals' }).locator('> li');

  it('are filtered, snoozed, done and opened again by who may', async () => {
    await signedIn('/#/signals', ADMIN_KEY);
    await expect.poll(() => cards().count(), soon).toBe(3);
    await page.getByRole('radio', { name: 'Churn' }).check();
    await expect.poll(() => cards().count(), soon).toBe(1);
    await page.getByRole('button', { name: /^Snooze 14 days/ }).click();
    await page.getByRole('heading', { name: 'Nothing to do' }).waitFor();
    expect(server.signals.find(({ id }) => id === 's2')).toMatchObject({ state: 'snoozed' });
    await page.getByRole('radio', { name: 'Snoozed' }).check();
    await page.getByText('Snoozed until').or(page.getByText('snoozed until')).waitFor();
    await page.getByRole('button', { name: /^Open again/ }).click();
    await page.getByRole('heading', { name: 'None is snoozed' }).waitFor();
    await page.getByRole('radio', { name: 'Open' }).check();
    await page.getByRole('button', { name: /^Done/ }).click();
    await page.getByRole('heading', { name: 'Nothing to do' }).waitFor();
    expect(server.signals.find(({ id }) => id === 's2')).toMatchObject({ state: 'done', snoozedUntil: null });
    expect(visitor.complaints).toEqual([]);
  });

  it('are only read by a key that may only read', async () => {
    await signedIn('/#/signals');
    await expect.poll(() => cards().count(), soon).toBe(3);
    expect(await page.getByRole('button', { name: /^Done/ }).count()).toBe(0);
    await page.getByText('sign in with one that has the scope admin').waitFor();
  });
});

it('the finance report is chosen by period and customer, and downloaded as it is shown', async () => {
  await signedIn('/#/finance?period=2026-10');
  const rows = page.getByRole('region', { name: 'Use in October 2026' }).locator('tbody tr');
  await expect.poll(() => rows.count(), soon).toBe(6);
  await page.getByRole('searchbox', { name: 'Customer' }).fill('acme');
  await page.keyboard.press('Enter');
  await expect.poll(() => rows.count(), soon).toBe(1);
  for (const format of ['csv', 'parquet', 'json']) {
    const link = page.getByRole('link', { name: format, exact: false }).last();
    expect(await link.getAttribute('href')).toContain('period=2026-10');
  }
  const csv = await page.getByRole('link', { name: 'CSV' }).getAttribute('href');
  expect(csv).toBe('/v1/reports/finance?period=2026-10&customer=acme&format=csv');
  await page.getByLabel('Period').selectOption('2026-09');
  await page.getByRole('region', { name: 'Use in September 2026' }).waitFor();
});

it('a finance report of any size shows its beginning, and says so', async () => {
  server.financeCopies = 5_000;
  await signedIn('/#/finance?period=2026-10');
  await page.getByText(/^These are the first [\d,]+ rows\./).waitFor();
  const rows = page.getByRole('region', { name: 'Use in October 2026' }).locator('tbody tr');
  expect(await rows.count()).toBeLessThan(2_000);
  expect(visitor.complaints).toEqual([]);
});

it('a customer’s page has its forecast, signals, events, alerts and changes', async () => {
  await signedIn('/#/customers/acme');
  await page.getByText('used up in about').waitFor();
  await page.getByText('Expected at the end: 1,704,000 tokens (1,560,000 to 1,850,000).').waitFor();
  await page.getByRole('list', { name: 'Signals' }).getByText('Will have used').waitFor();
  const events = page.getByRole('table', { name: /^What Acme GmbH was charged/ });
  await expect.poll(() => events.locator('tbody tr').count(), soon).toBe(20);
  await page.getByRole('button', { name: 'Show more' }).click();
  await expect.poll(() => events.locator('tbody tr').count(), soon).toBe(23);
  await page.getByRole('list', { name: 'Alerts, newest first' }).getByText('80%').waitFor();
  await page.getByRole('heading', { name: 'Changes of this customer' }).waitFor();
  expect(visitor.complaints).toEqual([]);
});

it('the theme is the system’s until another is chosen, and the choice stays', async () => {
  const shown = () =>
    page.evaluate("document.documentElement.dataset.theme + ' ' + getComputedStyle(document.body).colorScheme");
  await signedIn('/');
  expect(await shown()).toBe('light light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(shown, soon).toBe('dark dark');
  await page.getByRole('button', { name: 'Use the light theme' }).click();
  await expect.poll(shown, soon).toBe('light light');
  await page.reload();
  await page.getByRole('button', { name: 'Use the dark theme' }).waitFor();
  expect(await shown()).toBe('light light');
  await page.getByRole('button', { name: 'Use the dark theme' }).click();
  expect(await page.evaluate('JSON.stringify(localStorage)')).toBe('{}');
});
