import { expect, it } from 'vitest';
import { parseCommandLine } from '../../engine/platform/command-line.js';
import { LOADTEST, scenariosOf } from './options.js';

const read = (...args: string[]) => parseCommandLine(LOADTEST, args);

it('without names everything runs that needs neither an hour nor the network', () => {
  expect([...scenariosOf(read().names)].sort()).toEqual([
    'batch',
    'exact',
    'ingest',
    'memory',
    'open',
    'reserve',
    'single',
  ]);
  expect([...scenariosOf(read('peers', 'customers', '--many', '5000').names)]).toEqual(['peers', 'customers']);
  expect(read('customers').options.many).toBe(1_000_000);
  expect(read('--no-sweep').options['no-sweep']).toBe(true);
});

it('what it does not know is refused', () => {
  expect(() => read('pears')).toThrow(/^arguments: /);
  expect(() => read('--many', '0')).toThrow(/^--many: /);
  expect(() => read('--faster')).toThrow(/--faster/);
});
