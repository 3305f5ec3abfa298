import { expect, it } from 'vitest';
import { parseCatalog } from '../../engine/index.js';
import { loadCatalog } from './catalog.js';

const NOW_MS = Date.UTC(2026, 10, 24);
const FILE_BYTES_MAX = 64 * 1024 * 1024;

it('the catalog of a load test holds, and a million customers fit the file that Weir takes', () => {
  const { customers, text, firstText } = loadCatalog(300, 10, NOW_MS);
  expect(parseCatalog(text).faults()).toEqual([]);
  expect(firstText).toBe(text);
  const perCustomer = (text.length - loadCatalog(0, 10, NOW_MS).text.length) / customers.length;
  expect(perCustomer * 1_000_000 + 10_000).toBeLessThan(FILE_BYTES_MAX);
});

it('a stack with very many customers starts with the first of them', () => {
  const { customers, text, firstText } = loadCatalog(10_001, 10, NOW_MS);
  expect(text).toContain(customers.at(-1));
  expect(firstText).not.toContain(customers.at(-1));
  expect(firstText).toContain(customers.at(-2));
});
