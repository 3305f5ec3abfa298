import { expect, it } from 'vitest';
import { readAsset } from './assets.js';
import { configurationDocument } from './config-document.js';

it('docs/configuration.md is what the schema says (else run "npm run docs")', () => {
  expect(readAsset('docs/configuration.md')).toBe(configurationDocument());
});
