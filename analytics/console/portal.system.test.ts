import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../engine/platform/assets.js';
import { type Stack, startStack } from '../../loadtest/harness/stack.js';
import { waitFor } from '../../loadtest/harness/wait-for.js';
import { launchBrowser, pictureFolder, violations, visit } from './test-support/browser.js';

/** The customer portal of a whole Weir: from a link to what the customer reads. */

const pictures = pictureFolder();
let stack: Stack;
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
  stack = await startStack();
});
afterAll(async () => {
  console.log(`pictures of the portal: ${pictures}`);
  await browser?.close();
  await stack?.stop();
});

async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return JSON.parse(text);
}

const linkByApi = async (): Promise<string> =>
  String((await post(`${stack.console}/v1/portal-links`, { customer: 'acme' })).url);

/** As an operator makes it, with nothing but the home to find the way by. */
async function linkByCommand(): Promise<string> {
  const env = { PATH: process.env.PATH, WEIR_HOME: stack.home };
  const main = join(packageRoot(), 'dist/ingest/cli/main.js');
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'portal-link', 'acme', '--ttl', '1h'], { env });
  return stdout.trim();
}

const event = (customer: string, totalTokens: number) => ({
  specversion: '1.0',
  id: customer,
  source: 'portal-test',
  type: 'llm.request',
  subject: customer,
  data: { totalTokens, contextTokens: totalTokens, generatedTokens: 0, model: 'large', region: 'eu' },
});

it('a link opens its customer’s usage, on a phone and a desk, in the dark and the light', async () => {
  await post(`${stack.dataPlane}/v1/events`, [event('acme', 1_350_000), event('globex', 7_654_321)]);
  await waitFor(
    async () => {
      const headers = { authorization: `Bearer ${stack.adminKey}` };
      const answer = await fetch(`${stack.console}/v1/customers/acme/events?limit=1`, { headers });
      return (await answer.text()).includes('1350000');
    },
    { timeoutMs: 30_000, what: 'the fact to be in the ledger' },
  );
  const desk = { makeLink: linkByApi };
  const phone = { makeLink: linkByCommand, width: 390, height: 844, dark: true };
  for (const { makeLink, ...options } of [desk, phone]) {
    const visitor = await visit(browser, stack.console, options);
    const { page, context } = visitor;
    await page.goto(await makeLink());
    await page.getByRole('heading', { name: 'Limits now' }).waitFor();
    await page.getByRole('cell', { name: '1,350,000' }).first().waitFor();
    await page.locator('.portal-days').first().waitFor();
    expect(page.url()).toBe(`${stack.console}/portal`);
    const text = await page.locator('main').textContent();
    expect(text).toContain('1,350,000');
    expect(text).not.toContain('7,654,321');
    expect(await page.evaluate('document.cookie + JSON.stringify(sessionStorage)')).toBe('{}');
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/portal' });
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true);
    await page.screenshot({
      path: join(pictures, `portal-${'width' in options ? 'phone' : 'desk'}.png`),
      fullPage: true,
    });
    // The page comes back by its cookie alone.
    await page.reload();
    await page.getByRole('heading', { name: 'Limits now' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You have signed out' }).waitFor();
    expect(await context.cookies()).toEqual([]);
    expect(visitor.complaints).toEqual([]);
    await context.close();
  }
});

it('a link that is over, or none, says so and what to do', async () => {
  const { page, context } = await visit(browser, stack.console);
  for (const path of ['/portal', '/portal#eyJhIjoxfQ.x']) {
    await page.goto('about:blank');
    await page.goto(path);
    await page.getByRole('heading', { name: 'This link has expired' }).waitFor();
    expect(await violations(page)).toEqual([]);
  }
  await page.screenshot({ path: join(pictures, 'portal-expired.png') });
  await context.close();
});
