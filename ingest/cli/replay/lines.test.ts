import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { linesOf } from '../test-support/text-file.js';
import { InputError, LINE_BYTES_MAX, type Line, type LineSource, openLines } from './lines.js';

const folder = mkdtempSync(join(tmpdir(), 'weir-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));
const noInput = (async function* (): AsyncGenerator<Uint8Array> {})();

async function all(source: LineSource): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const block of source.blocks()) lines.push(...block);
  return lines;
}

describe('lines of a file', () => {
  it('are the same however the bytes are cut', async () => {
    const text = 'grün,1\r\n\n日本,2\nlast';
    const whole = await all(linesOf(text, 1_000));
    expect(whole.map(({ text: line }) => line)).toEqual(['grün,1\r', '', '日本,2', 'last']);
    expect(whole.map(({ line }) => line)).toEqual([1, 2, 3, 4]);
    for (const bytes of [1, 2, 3, 5, 8]) expect(await all(linesOf(text, bytes))).toEqual(whole);
  });

  it('begin after a byte order mark', async () => {
    expect(await all(linesOf('\u{feff}a,b\n1,2'))).toEqual([
      { line: 1, text: 'a,b' },
      { line: 2, text: '1,2' },
    ]);
  });

  it('that are not UTF-8 are told by their number, and spoil no other', async () => {
    const bytes = Buffer.concat([Buffer.from('one\n'), Buffer.from([0x67, 0xfc, 0x6e]), Buffer.from('\nthree\n')]);
    expect(await all(linesOf(bytes, 1_000))).toEqual([
      { line: 1, text: 'one' },
      { line: 2, text: '', problem: 'is not encoded in UTF-8' },
      { line: 3, text: 'three' },
    ]);
  });

  it('in UTF-16 are refused with what to do', async () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('a,b\n1,2\n', 'utf16le')]);
    await expect(all(linesOf(bytes))).rejects.toThrow('save it as UTF-8');
  });

  it('that never end are refused before they fill the memory', async () => {
    const source = linesOf(`short\n${'x'.repeat(LINE_BYTES_MAX + 1)}`, 64 * 1024);
    await expect(all(source)).rejects.toThrow(`line 2 is longer than ${LINE_BYTES_MAX} bytes`);
  });

  it('are unpacked when the name ends in .gz, and counted as they lie on the disk', async () => {
    const path = join(folder, 'log.csv.gz');
    const packed = gzipSync('a,b\n1,2\n');
    writeFileSync(path, packed);
    const source = await openLines(path, noInput);
    expect((await all(source)).map(({ text }) => text)).toEqual(['a,b', '1,2']);
    expect([source.bytesTotal, source.bytesRead]).toEqual([packed.length, packed.length]);
  });

  it('of a torn .gz end in an error that says how far it could be read', async () => {
    const path = join(folder, 'torn.csv.gz');
    writeFileSync(path, gzipSync('a,b\n'.repeat(1_000)).subarray(0, 30));
    await expect(all(await openLines(path, noInput))).rejects.toThrow(/cannot be read after line \d+/);
  });

  it('of a file that is not there are an InputError, not a crash', async () => {
    await expect(openLines(join(folder, 'none.csv'), noInput)).rejects.toThrow(InputError);
    await expect(openLines(folder, noInput).then(all)).rejects.toThrow(InputError);
  });

  it('come from standard input by the name -', async () => {
    const input = (async function* () {
      yield Buffer.from('a\nb\n');
    })();
    expect((await all(await openLines('-', input))).map(({ text }) => text)).toEqual(['a', 'b']);
  });
});
