import { afterEach, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { NO_NAMES, runCommandLine } from './command-line.js';

const options = z.object({ steps: z.coerce.number().int().min(1).default(5), fast: z.boolean().default(false) });
const command = { usage: 'usage: try', options, names: NO_NAMES };

const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
const faults = vi.spyOn(console, 'error').mockImplementation(() => undefined);
const before = process.exitCode;
afterEach(() => {
  process.exitCode = before;
  vi.clearAllMocks();
});

it('options are read by their schema, and the exit code is what the command says', async () => {
  const seen: unknown[] = [];
  await runCommandLine(command, async (read) => seen.push(read), ['--steps', '7', '--fast']);
  expect(seen).toEqual([{ steps: 7, fast: true }]);
  expect(process.exitCode).toBe(1);
});

it.each([
  [['--steps', '0'], '--steps: '],
  [['--steps'], "'--steps <value>' argument missing"],
  [['--slow'], "Unknown option '--slow'"],
  [['more'], 'arguments: takes options only'],
])('%j is a fault with the usage behind it, and exit code 2', async (args, fault) => {
  await runCommandLine(command, () => expect.unreachable(), args);
  expect(faults.mock.calls[0]?.[0]).toContain(fault);
  expect(faults.mock.calls[0]?.[0]).toContain('usage: try');
  expect(process.exitCode).toBe(2);
});

it('--help shows the usage and runs nothing', async () => {
  await runCommandLine(command, () => expect.unreachable(), ['--help']);
  expect(printed.mock.calls).toEqual([['usage: try']]);
  expect(process.exitCode).toBe(before);
});
