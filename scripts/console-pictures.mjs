/**
 * Takes the pictures of the console in docs/images from a Weir that runs: `node scripts/console-pictures.mjs [URL]`, the
 * console of this machine where none is given. Signs in by WEIR_ADMIN_KEY, or the key of WEIR_HOME. Needs the packages
 * and a Chromium (`npm test` sees to both).
 */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { ROOT } from './setup/paths.mjs';

const [url = 'http://127.0.0.1:8081', account = 'acme'] = process.argv.slice(2);
const FOLDER = join(ROOT, 'docs/images');
const BYTES_MAX = 200_000;
/** So that the overview's chart has a line to show. */
const HISTORY_MS = 60_000;

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

/** Name, address, size of the window, theme, and what must be there before the picture is taken. */
const PICTURES = /** @type {const} */ ([
  ['accounts', '/#/accounts?threshold=50', DESKTOP, 'light', 'tbody [data-row]'],
  ['customer', `/#/customers/${encodeURIComponent(account)}`, { ...DESKTOP, height: 1500 }, 'light', '.chart canvas'],
  ['customer-phone', `/#/customers/${encodeURIComponent(account)}`, PHONE, 'dark', '.chart canvas'],
  ['plans', '/#/plans', DESKTOP, 'light', '.plan'],
  ['signals', '/#/signals', DESKTOP, 'light', '.signal, .panel'],
  ['finance', '/#/finance', DESKTOP, 'light', '.finance tbody tr, .panel'],
  ['overview-dark', '/#/', { ...DESKTOP, height: 1000 }, 'dark', '.chart canvas'],
  ['overview-phone', '/#/', PHONE, 'light', '.chart canvas'],
  ['overview', '/#/', { ...DESKTOP, height: 1000 }, 'light', '.chart canvas'],
]);

/** @param {string} name */
function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function operatorsKey() {
  const { WEIR_ADMIN_KEY, WEIR_HOME = '.weir' } = process.env;
  return WEIR_ADMIN_KEY ?? readFileSync(join(WEIR_HOME, 'admin.key'), 'utf8').trim();
}

const executablePath = ['chromium', 'chromium-browser', 'google-chrome'].map(onPath).find((path) => path !== undefined);
if (executablePath === undefined) throw new Error('Chromium is not installed (Debian: apt-get install chromium)');
mkdirSync(FOLDER, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] });
try {
  const context = await browser.newContext({ baseURL: url, locale: 'en-US', reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto('/');
  await page.getByLabel('API key').fill(operatorsKey());
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.chart canvas').waitFor();
  await page.waitForTimeout(HISTORY_MS);
  for (const [name, address, viewport, colorScheme, wanted] of PICTURES) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    // Not by goto: what the overview remembers lives as long as the page.
    await page.evaluate(`location.hash = ${JSON.stringify(address.slice(1))}; scrollTo(0, 0)`);
    await page.locator(wanted).first().waitFor();
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    await page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => undefined);
    const path = join(FOLDER, `${name}.png`);
    await page.screenshot({ path });
    const { size } = statSync(path);
    if (size > BYTES_MAX) throw new Error(`${path} has ${size} bytes, more than ${BYTES_MAX}`);
    console.log(`${path}: ${size} bytes`);
  }
} finally {
  await browser.close();
}
