import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { readAsset } from '../../engine/platform/assets.js';
import { launchBrowser, violations, visit } from '../console/test-support/browser.js';
import { type ControlPlane, startControlPlane } from '../test-support/control-plane.js';

let control: ControlPlane;
let browser: Awaited<ReturnType<typeof launchBrowser>>;

beforeAll(async () => {
  control = await startControlPlane(readAsset('engine/catalog/sample.yaml'));
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  await control.stop();
});

async function link(): Promise<string> {
  const made = await control.call('POST', '/v1/portal-links', { customer: 'acme' });
  return z.string().parse(made.body.url);
}

test.each([{ dark: false }, { dark: true }])(
  'a link shows its customer, leaves the address, and has no fault for axe: %o',
  async (light) => {
    const { page, complaints } = await visit(browser, control.url, { ...light, width: 390 });
    await page.goto(await link());
    await page.getByRole('link', { name: 'Download as CSV' }).waitFor();
    expect(await page.textContent('h1')).toBe('Acme GmbH: usage');
    expect(page.url()).toBe(`${control.url}/portal`);
    expect(await violations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  },
);
