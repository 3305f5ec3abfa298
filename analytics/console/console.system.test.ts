import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser, pictureFolder, signInWith, type Visit, violations, visit } from './test-support/browser.js';
import type { NearRow } from './test-support/fixture-data.js';
import {
  CHECK_KEY,
  type FixtureServer,
  READ_KEY,
  startFixtureServer,
  unavailable,
} from './test-support/fixture-server.js';

/** The built pages in a real browser, before the real edge and sessions with made-up numbers. */

const pictures = pictureFolder();
let browser: Browser;
let server: FixtureServer;
let visitor: Visit;
let page: Page;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  console.log(`pictures of the console: ${pictures}`);
});
beforeEach(async () => {
  server = await startFixtureServer();
  visitor = await visit(browser, server.url);
  page = visitor.page;
});
afterEach(async () => {
  await visitor.context.close();
  await server.close();
});

const customers = (): Promise<string[]> => page.locator('tbody [data-row]').allTextContents();
const focusedText = (): Promise<string> => page.evaluate('document.activeElement.textContent');
const picture = (name: string) => page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
/** Ends as soon as the condition holds, and fails after ten seconds. */
const soon = { timeout: 10_000 };

async function signedIn(path = '/'): Promise<void> {
  await page.goto(path);
  await signInWith(page, READ_KEY);
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

describe('signing in', () => {
  it('takes a key that may read, keeps the key from scripts, and leaves nothing behind on the way out', async () => {
    await page.goto('/');
    await picture('sign-in');
    expect(await violations(page)).toEqual([]);
    await signInWith(page, READ_KEY);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(await page.evaluate('document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)')).toBe(
      '{}{}',
    );
    const [cookie] = await visitor.context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key').waitFor();
    expect(await visitor.context.cookies()).toEqual([]);
    expect(visitor.complaints).toEqual([]);
  });

  it('says what is wrong with a key', async () => {
    await page.goto('/');
    await signInWith(page, 'no-such-key');
    await page.getByText('This key is unknown, or was revoked.').waitFor();
    expect(await page.getByLabel('API key').getAttribute('aria-invalid')).toBe('true');
    await signInWith(page, CHECK_KEY);
    await page.getByText('Use one with the scope read or admin.').waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it('a revoked key ends its session, and its owner goes on where they were', async () => {
    await signedIn('/#/customers/acme?range=7d');
    await page.getByRole('heading', { name: 'Acme GmbH' }).waitFor();
    server.keys.delete(READ_KEY);
    await page.reload();
    await page.getByLabel('API key').waitFor();
    server.keys.set('another-key', {
      id: 'other',
      hash: '1'.repeat(64),
      scopes: ['read'],
      createdAt: '2026-01-01T00:00:00Z',
    });
    await signInWith(page, 'another-key');
    await page.getByRole('heading', { name: 'Acme GmbH' }).waitFor();
  });
});

describe('accounts near their limits', () => {
  it('stand worst first, and can be narrowed and sorted otherwise', async () => {
    await signedIn('/#/accounts');
    await expect
      .poll(customers, soon)
      .toEqual(['globex', 'mumbai-labs', 'initech', 'acme', 'kaori', 'northwind-traders-international', 'mumbai-labs']);
    await page.getByText('7 limits of 6 customers at 80% or more.').waitFor();
    await page.getByRole('row', { name: 'initech' }).getByText('used up in about 7 hours').last().waitFor();
    await page.getByRole('radio', { name: '100%' }).check();
    await expect.poll(customers, soon).toEqual(['globex', 'mumbai-labs']);
    await page.getByRole('radio', { name: '≥ 50%' }).check();
    await expect.poll(async () => (await customers()).length, soon).toBe(9);
    await page.getByRole('button', { name: 'Resets in' }).click();
    const endMs = (row: NearRow): number => Date.parse(row.windowEnd ?? '');
    const [soonest] = [...server.rows].sort(
      (left, right) => endMs(left) - endMs(right) || right.percent - left.percent,
    );
    await expect.poll(async () => (await customers())[0], soon).toBe(soonest?.customer);
    await page.getByRole('button', { name: 'Customer' }).click();
    await expect.poll(async () => (await customers())[0], soon).toBe('acme');
    expect(await page.getByRole('columnheader', { name: 'Customer' }).getAttribute('aria-sort')).toBe('ascending');
    await page.reload();
    await expect.poll(async () => (await customers())[0], soon).toBe('acme');
    expect(visitor.complaints).toEqual([]);
  });

  it('can be walked through by keys alone', async () => {
    await signedIn('/#/accounts');
    await expect.poll(async () => (await customers()).length, soon).toBe(7);
    await page.keyboard.press('/');
    await page.keyboard.type('free mum');
    await expect.poll(customers, soon).toEqual(['mumbai-labs', 'mumbai-labs']);
    await page.keyboard.press('Escape');
    await expect.poll(async () => (await customers()).length, soon).toBe(7);
    await page.keyboard.press('ArrowDown');
    expect(await focusedText()).toBe('globex');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('ArrowDown');
    expect(await focusedText()).toBe('initech');
    await picture('accounts-keyboard');
    await page.keyboard.press('End');
    expect(await focusedText()).toBe('mumbai-labs');
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Globex Corporation' }).waitFor();
    await page.goBack();
    await expect.poll(async () => (await customers()).length, soon).toBe(7);
  });

  it('renew themselves without taking the focus or a row apart', async () => {
    await signedIn('/#/accounts');
    await expect.poll(async () => (await customers()).length, soon).toBe(7);
    const link = page.locator('[data-row]', { hasText: 'acme' });
    await link.focus();
    await page.evaluate('document.activeElement.marked = true');
    server.rows = server.rows.map((row) =>
      row.customer === 'acme' ? { ...row, used: 1_499_999, percent: 99.99 } : row,
    );
    await expect.poll(async () => (await customers()).indexOf('acme'), soon).toBe(2);
    expect(await page.evaluate('document.activeElement.marked')).toBe(true);
    await page.getByText('99.9%').waitFor();
    server.rows = server.rows.filter((row) => row.customer !== 'acme');
    await expect.poll(async () => (await customers()).includes('acme'), soon).toBe(false);
    expect(await focusedText()).toBe('initech');
    expect(visitor.complaints).toEqual([]);
  });

  it('hold still while they are paused', async () => {
    await page.clock.install();
    await signedIn('/#/accounts');
    await expect.poll(async () => (await customers()).length, soon).toBe(7);
    await page.getByRole('button', { name: 'Pause updates' }).click();
    server.rows = [];
    await page.clock.fastForward(60_000);
    // Whatever was asked for by then is answered before this is.
    await page.evaluate("fetch('/v1/session').then((response) => response.text())");
    expect((await customers()).length).toBe(7);
    await page.getByRole('button', { name: 'Pause updates' }).click();
    await expect.poll(async () => (await customers()).length, soon).toBe(0);
  });

  it('say so when there are none, and when the report fails', async () => {
    server.rows = [];
    await signedIn('/#/accounts');
    await page.getByRole('heading', { name: 'Nobody has used 80% of a limit' }).waitFor();
    await page.getByLabel('Filter by customer or plan').fill('umbrella');
    await page.getByRole('link', { name: 'Open the customer “umbrella”' }).waitFor();
    await picture('accounts-empty');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await page.getByText('Suspended').waitFor();
    server.fault = unavailable();
    await page.goto('/#/accounts');
    await page.reload();
    await page.getByText('ClickHouse cannot be reached.').waitFor();
    await picture('accounts-error');
    expect(await violations(page)).toEqual([]);
    server.fault = undefined;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Nobody has used 80% of a limit' }).waitFor();
  });
});

describe('one customer', () => {
  it('has its terms, every limit, its usage as chart and table, and its denials', async () => {
    await signedIn('/#/customers/acme');
    await page.getByText('500 000 more tokens a month').waitFor();
    await page.getByText('1,412,850').first().waitFor();
    await page.getByText('refills 5,000 a second').last().waitFor();
    await page.locator('.chart canvas').waitFor();
    await page.getByText(/of 1,500,000 tokens \(/).waitFor();
    await page
      .getByRole('table', { name: /^Usage of Acme GmbH in / })
      .getByText('1,531,200')
      .last()
      .waitFor();
    await picture('customer');
    expect(await violations(page)).toEqual([]);

    await page.getByRole('radio', { name: 'Table' }).check();
    await page.getByRole('columnheader', { name: 'Running total' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await picture('customer-table');
    await page.getByRole('radio', { name: 'Chart' }).check();
    await page.getByRole('group', { name: 'Range' }).getByRole('radio', { name: '24 h' }).check();
    await page.getByRole('radio', { name: 'Each hour' }).check();
    await page.locator('.chart canvas').waitFor();
    await page.locator('.chart .u-over').hover();
    await page.getByText(/^\d+ \w+, \d\d:00: [\d,]+ tokens$/).waitFor();
    await picture('customer-hours');

    await page
      .getByRole('table', { name: /^Denials of Acme/ })
      .getByRole('link', { name: '16' })
      .first()
      .click();
    await page.getByText('features.chat.limits.monthly.amount').waitFor();
    await picture('changes');
    expect(await violations(page)).toEqual([]);
    expect(visitor.complaints).toEqual([]);
  });

  it('that is not in the catalog is said to be unknown', async () => {
    await signedIn('/#/customers/nobody%20at%20all');
    await page.getByRole('heading', { name: 'There is no customer “nobody at all”' }).waitFor();
  });
});

describe('every page', () => {
  const views = [
    ['overview', '/', 'globex'],
    ['accounts', '/#/accounts', 'globex'],
    ['customers', '/#/customers', 'Customer 7'],
    ['customer', '/#/customers/acme', '94.1%'],
    ['plans', '/#/plans', 'Enterprise'],
    ['signals', '/#/signals', 'Asked 14 times'],
    ['denials', '/#/denials', 'Over the limit'],
    ['finance', '/#/finance', '1,500,000'],
    ['changes', '/#/changes', 'added'],
  ] as const;

  it.each([
    ['light', {}],
    ['light and narrow', { width: 390, height: 844 }],
    ['dark', { dark: true }],
    ['dark and narrow', { dark: true, width: 390, height: 844 }],
  ])('fits, and is accessible: %s', async (name, options) => {
    await visitor.context.close();
    visitor = await visit(browser, server.url, options);
    page = visitor.page;
    await signedIn();
    for (const [view, path, text] of views) {
      await page.goto(path);
      await page.getByText(text).locator('visible=true').first().waitFor();
      if (view === 'customer' || view === 'overview') await page.locator('.chart canvas').waitFor();
      await picture(`${view} ${name}`.replaceAll(' ', '-'));
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), `${view} overflows`).toBe(0);
      expect(await violations(page), view).toEqual([]);
    }
    expect(visitor.complaints).toEqual([]);
  });

  it.each([
    ['accounts', '/#/accounts', 60_000],
    ['the overview with its chart', '/', 80_000],
  ])('is painted out of few bytes, in few requests: %s', async (_, path, bytesMax) => {
    await signedIn();
    await page.goto('about:blank');
    await page.goto(path);
    await page.getByText('globex').waitFor();
    if (path === '/') await page.locator('.chart canvas').waitFor();
    const resources: { name: string; encodedBodySize: number }[] = JSON.parse(
      String(await page.evaluate("JSON.stringify(performance.getEntriesByType('resource'))")),
    );
    expect(resources.length, resources.map(({ name }) => name).join()).toBeLessThanOrEqual(10);
    expect(resources.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)).toBeLessThan(bytesMax);
  });
});
