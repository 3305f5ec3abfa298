import { expect, it } from 'vitest';
import { rowsOfStart } from './rows-of-start.js';

const ROWS = [{ id: 'a"]}', of: [1, { deep: '\\' }] }, { id: 'b{[', of: [] }, { id: 'c' }];

it('wherever the text is cut, what is whole comes, and nothing else', () => {
  const text = JSON.stringify({ period: '2026-10', rows: ROWS, totals: { rows: [{ id: 'no row' }] } });
  const ends = ROWS.map((row) => text.indexOf(JSON.stringify(row)) + JSON.stringify(row).length);
  for (let cut = 0; cut <= text.length; cut++) {
    const whole = ends.filter((end) => end <= cut).length;
    expect(rowsOfStart(text.slice(0, cut))).toEqual(ROWS.slice(0, whole));
  }
});
