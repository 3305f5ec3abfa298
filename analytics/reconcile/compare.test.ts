import { expect, it } from 'vitest';
import { limitKey, type QuotaCounter } from '../../engine/index.js';
import { compareCounter, LEDGER_WINDOWS_MAX, type LedgerWindow, LedgerWindows } from './compare.js';

const counter: QuotaCounter = {
  ...{ customer: 'acme', entity: '', key: limitKey('chat', 'daily').toString('hex') },
  ...{ feature: 'chat', limit: 'daily', windowStartMs: 200, previousStartMs: 100, used: 7, before: 5 },
};
const window = (windowMs: number, charged: bigint, limitId = 'daily'): LedgerWindow => ({
  ...{ customer: 'acme', feature: 'chat', limitId, windowMs, charged },
});
const compare = (of: QuotaCounter, rows: readonly LedgerWindow[]) =>
  compareCounter(of, new LedgerWindows(rows)).map(({ limit, windowStartMs, used, charged }) => [
    ...[limit, windowStartMs, used, charged],
  ]);

it('the window of a counter and the one before are compared, older ones are left to the ledger', () => {
  expect(compare(counter, [window(200, 7n), window(100, 4n), window(50, 9n)])).toEqual([
    ['daily', 200, 7n, 7n],
    ['daily', 100, 5n, 4n],
  ]);
});

it('what the ledger does not have counts as 0, and so does what the counter should have', () => {
  expect(compare(counter, [window(300, 2n)])).toEqual([
    ['daily', 200, 7n, 0n],
    ['daily', 100, 5n, 0n],
    ['daily', 300, 0n, 2n],
  ]);
});

it('a counter that the catalog has no name for is found by the names in facts, an entity under its own', () => {
  const nameless = { ...counter, feature: null, limit: null, previousStartMs: null };
  expect(compare(nameless, [window(200, 7n)])).toEqual([['daily', 200, 7n, 7n]]);
  const team = { ...nameless, entity: 'team' };
  expect(compare(team, [window(200, 3n), window(200, 7n, 'team/daily')])).toEqual([['team/daily', 200, 7n, 7n]]);
  expect(compare(nameless, [window(200, 7n, 'other')])).toEqual([[null, 200, 7n, 0n]]);
});

it('windows before those that were read of a limit are not taken for empty', () => {
  const later = Array.from({ length: LEDGER_WINDOWS_MAX }, (_, index) => window(300 + index, 1n));
  expect(compare(counter, later).map(([, windowStartMs]) => windowStartMs)).toEqual(later.map((row) => row.windowMs));
});
