import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findBinary } from '../../../loadtest/harness/binaries.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC_PATH = '/Applications/Chromium.app/Contents/MacOS/Chromium';

function findChromium(): string {
  for (const name of NAMES) {
    try {
      return findBinary(name);
    } catch {
      // The next name, or the message below.
    }
  }
  if (existsSync(MAC_PATH)) return MAC_PATH;
  throw new Error('Chromium is not installed. Install it (Debian: apt-get install chromium), or run "npm test" once.');
}

/** A real Chromium. @throws Error that says how to install it: without it the test fails, it never skips. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    args: ['--no-sandbox', '--disable-background-networking'],
  });
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page said on its console that it should not have, and requests to other origins. */
  readonly complaints: string[];
}

export interface VisitOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
}

/** A fresh visitor: no cookies, a window of the given size. */
export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: options.width ?? 1280, height: options.height ?? 900 },
    colorScheme: options.dark === true ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: 'en-US',
    timezoneId: 'Europe/Berlin',
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) complaints.push(`asked for ${request.url()}`);
  });
  page.setDefaultTimeout(10_000);
  return { page, context, complaints };
}

export async function signInWith(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Violations that axe finds, in a line each. */
export async function violations(page: Page): Promise<string[]> {
  // Evaluated from outside: the page's own policy lets no foreign script in.
  await page.evaluate(axe.source);
  const found: unknown = await page.evaluate(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((result) =>
      result.violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html + ' (' + node.failureSummary + ')').join(' | ')))`,
  );
  return Array.isArray(found) ? found.map(String) : [`axe answered ${String(found)}`];
}

/** Where the pictures of a run go: kept, so that one can look at them. */
export const pictureFolder = (): string => mkdtempSync(join(tmpdir(), 'weir-console-'));
