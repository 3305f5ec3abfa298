import { describe, expect, it } from 'vitest';
import { withReport } from './document.js';
import { figure } from './format.js';
import { spreadOf } from './spread.js';

describe('a report', () => {
  it('takes the middle of an odd number of rounds, and between the middle two of an even one', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(() => spreadOf([])).toThrow();
  });

  it('keeps the digits that matter', () => {
    expect([0, 7, 0.554, 41.26, 99, 1234.5, 1_234_567].map(figure)).toEqual([
      '0',
      '7',
      '0.55',
      '41.3',
      '99',
      '1 235',
      '1 234 567',
    ]);
  });

  it('is put between the markers of a document, over what stood there, and nowhere else', () => {
    const begin = '<!-- loadtest: written by "npm run loadtest -- --write-docs" -->';
    const end = '<!-- loadtest: end -->';
    const document = `# A\n\n${begin}\nold\n${end}\n\n# B\n`;
    const once = withReport(document, 'new');
    expect(once).toBe(`# A\n\n${begin}\n\nnew\n\n${end}\n\n# B\n`);
    expect(withReport(once, 'new')).toBe(once);
    expect(() => withReport('# A\n', 'new')).toThrow('docs/benchmarks.md');
  });
});
