import { expect, it } from 'vitest';
import { readArguments } from './options.js';

it('without names everything runs that needs neither an hour nor the network', () => {
  expect([...readArguments([]).scenarios].sort()).toEqual([
    'batch',
    'exact',
    'ingest',
    'memory',
    'open',
    'reserve',
    'single',
  ]);
  expect([...readArguments(['peers', 'customers', '--many', '5000']).scenarios]).toEqual(['peers', 'customers']);
  expect(readArguments(['customers']).options.many).toBe(1_000_000);
});

it('what it does not know is refused', () => {
  expect(() => readArguments(['pears'])).toThrow();
  expect(() => readArguments(['--many', '0'])).toThrow();
  expect(() => readArguments(['--faster'])).toThrow();
});
