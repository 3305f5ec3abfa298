import { expect, test } from 'vitest';
import { describeFault, type Fault, KINDS_COUNT, type Round, schedule } from './schedule.js';

function first(seed: number, rounds: number): Round[] {
  const found: Round[] = [];
  for (const round of schedule(seed)) {
    if (found.length === rounds) return found;
    found.push(round);
  }
  return found;
}

const faultsOf = (rounds: readonly Round[]): Fault[] => rounds.flatMap(({ faults }) => faults);
/** What is done, without how long. */
const kindOf = (fault: Fault): string => describeFault({ ...fault, holdMs: 0 });

test('a seed makes the same faults in the same order, and another seed others', () => {
  expect(first(7, 100)).toEqual(first(7, 100));
  expect(first(7, 100)).not.toEqual(first(8, 100));
});

test('as many faults as there are kinds have each of them once', () => {
  const faults = faultsOf(first(3, 200));
  for (const from of [0, KINDS_COUNT]) {
    const kinds = faults.slice(from, from + KINDS_COUNT).map(kindOf);
    expect(new Set(kinds).size).toBe(KINDS_COUNT);
  }
});

test('faults at the same time never touch the same process', () => {
  for (const { faults } of first(11, 500)) {
    const targets = faults.map((fault) => fault.what);
    expect(new Set(targets).size).toBe(targets.length);
    if (faults.some(({ kind }) => kind === 'fail point')) {
      const others = faults.filter(({ kind }) => kind !== 'fail point');
      expect(others.every(({ what }) => what.startsWith('gateway'))).toBe(true);
    }
  }
});
