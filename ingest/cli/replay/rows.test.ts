import { describe, expect, it } from 'vitest';
import { rowsOf } from '../test-support/text-file.js';
import type { Row } from './rows.js';

const cells = (row: Row | undefined, ...columns: string[]): unknown[] => columns.map((name) => row?.fields?.get(name));

describe('rows of CSV', () => {
  it('are read by RFC 4180: quotes, doubled quotes, delimiters and newlines in cells', async () => {
    const { columns, rows } = await rowsOf('a,b\r\n"1,5","say ""hi"""\r\n"two\r\nlines",\r\n"",x\r\n');
    expect(columns).toEqual(['a', 'b']);
    expect(rows.map((row) => cells(row, 'a', 'b'))).toEqual([
      ['1,5', 'say "hi"'],
      ['two\r\nlines', ''],
      ['', 'x'],
    ]);
    expect(rows.map(({ row, line }) => [row, line])).toEqual([
      [1, 2],
      [2, 3],
      [3, 5],
    ]);
  });

  it('may have a byte order mark, no last newline, empty lines, and another delimiter', async () => {
    const { columns, rows } = await rowsOf('\u{feff}"first col";b\n\n1;2\n\r\n3;4', 'csv', ';');
    expect(columns).toEqual(['first col', 'b']);
    expect(rows.map((row) => cells(row, 'first col', 'b'))).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(rows.map(({ line }) => line)).toEqual([3, 5]);
  });

  it('that are broken are named by their line, keep their number, and spoil no other', async () => {
    const { rows } = await rowsOf('a,b\n1\n1,2,3\n"x"y,2\nx"y,2\n5,6\n');
    expect(rows.map(({ row, line, problem }) => [row, line, problem])).toEqual([
      [1, 2, 'has 1 columns, the header 2'],
      [2, 3, 'has 3 columns, the header 2'],
      [3, 4, 'has text after the closing quote of column 1'],
      [4, 5, 'has a quote inside column 1, which is not quoted'],
      [5, 6, undefined],
    ]);
    expect(cells(rows[4], 'a', 'b')).toEqual(['5', '6']);
  });

  it('with a quote that never closes are told by the line where it opens', async () => {
    const { rows } = await rowsOf('a,b\n1,2\n"3,4\n5,6\n');
    expect(rows.map(({ line, problem }) => [line, problem !== undefined])).toEqual([
      [2, false],
      [3, true],
    ]);
    expect(rows[1]?.problem).toContain('never closes');
  });

  it('go on after a quote that swallows more lines than any cell has', async () => {
    const { rows } = await rowsOf(`a,b\n0,0\n"1,2\n${'3,4\n'.repeat(1_500)}`);
    expect(rows.filter(({ problem }) => problem !== undefined).map(({ line }) => line)).toEqual([3]);
    expect(rows.length).toBeGreaterThan(450);
  });

  it('need a header whose columns can be told apart, and a row below it', async () => {
    await expect(rowsOf('a,a\n1,2\n')).rejects.toThrow('the column "a" twice');
    await expect(rowsOf('a,b\n')).rejects.toThrow('has no rows below its header');
    await expect(rowsOf('')).rejects.toThrow('has no rows below its header');
    await expect(rowsOf('"a,b\n1,2\n')).rejects.toThrow('its header, line 1, opens a quote');
  });

  it('begin with a text that tells files of one name apart, and stays when a log grows', async () => {
    const day = await rowsOf('a,b\n1,2\n');
    expect((await rowsOf('a,b\n1,2\n3,4\n')).beginning).toBe(day.beginning);
    expect((await rowsOf('a,b\n1,3\n')).beginning).not.toBe(day.beginning);
  });
});

describe('rows of NDJSON', () => {
  it('are read by name or by path', async () => {
    const { columns, rows } = await rowsOf('{"a":1,"usage":{"total":7},"x.y":3}\r\n\n{"a":null}\n', 'ndjson');
    expect(columns).toEqual(['a', 'usage', 'x.y']);
    expect(cells(rows[0], 'a', 'usage.total', 'x.y', 'usage.none', 'none')).toEqual([1, 7, 3, undefined, undefined]);
    expect(cells(rows[1], 'a')).toEqual([null]);
    expect(rows.map(({ row, line }) => [row, line])).toEqual([
      [1, 1],
      [2, 3],
    ]);
  });

  it('that are broken are named by their line', async () => {
    const { rows } = await rowsOf('{"a":1}\n{"a":\n[1]\n"x"\n{"a":2}\n', 'ndjson');
    expect(rows.map(({ line, problem }) => [line, problem])).toEqual([
      [1, undefined],
      [2, 'is not valid JSON'],
      [3, 'is no JSON object'],
      [4, 'is no JSON object'],
      [5, undefined],
    ]);
  });

  it('read nothing from the prototype', async () => {
    const { rows } = await rowsOf('{"a":1}\n', 'ndjson');
    expect(cells(rows[0], 'constructor', 'toString.name')).toEqual([undefined, undefined]);
  });
});
