import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Spool } from './spool.js';
import { encodeFrame, type Frame, readFrames, type SpooledOperation } from './spool-format.js';
import { spoolText } from './spool-writer.js';

const MIB = 1024 * 1024;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-spool-'));
});
afterEach(async () => {
  for (const spool of opened.splice(0)) await spool.close();
  await rm(folder, { recursive: true, force: true });
});

const opened: Spool[] = [];
function open(bytesMax = MIB): Spool {
  const spool = new Spool({ folder, bytesMax, staleMs: 1_000, log: undefined });
  opened.push(spool);
  return spool;
}
const operation = (amount: number): SpooledOperation => ({
  customer: 'acme ✓',
  feature: 'chat',
  meter: 'tokens',
  amount,
  admittedAtMs: 1_700_000_000_000,
});

async function framesOf(bytes: Buffer): Promise<{ frames: Frame[]; end: number }> {
  const frames: Frame[] = [];
  const read = readFrames(async (offset, length) => bytes.subarray(offset, offset + length));
  for (;;) {
    const next = await read.next();
    if (next.done === true) return { frames, end: next.value };
    frames.push(next.value);
  }
}

async function amountsOf(spool: Spool): Promise<number[]> {
  const amounts: number[] = [];
  for (const sealed of await spool.seal()) {
    for await (const frame of spool.frames(sealed)) amounts.push(...frame.operations.map(({ amount }) => amount));
  }
  return amounts;
}

/** As a process that died long ago left it. */
async function age(): Promise<void> {
  for (const name of await readdir(folder)) await utimes(join(folder, name), 1, 1);
}

test('a spool that is cut anywhere, or has a wrong bit in its tail, gives the whole frames before that and no more', async () => {
  const whole = [1, 2, 3].map((sequence) => encodeFrame(sequence, [spoolText(operation(sequence))]));
  const bytes = Buffer.concat(whole);
  const ends = whole.map((_, index) => whole.slice(0, index + 1).reduce((sum, frame) => sum + frame.length, 0));
  for (let length = 0; length <= bytes.length; length++) {
    const { frames, end } = await framesOf(bytes.subarray(0, length));
    const expected = ends.filter((each) => each <= length).length;
    expect(frames.map(({ sequence }) => sequence)).toEqual([1, 2, 3].slice(0, expected));
    expect(end).toBe(expected === 0 ? 0 : ends[expected - 1]);
  }
  for (let place = ends[1] ?? 0; place < bytes.length; place++) {
    const torn = Buffer.from(bytes);
    torn[place] = (torn[place] ?? 0) ^ 0x10;
    expect((await framesOf(torn)).end).toBe(ends[1]);
  }
  expect((await framesOf(Buffer.concat([bytes, Buffer.alloc(4_096)]))).frames).toHaveLength(3);
});

test('a frame out of its order is no spool of ours', async () => {
  const bytes = Buffer.concat([1, 3].map((sequence) => encodeFrame(sequence, [spoolText(operation(1))])));
  await expect(framesOf(bytes)).rejects.toThrow('stands at 2');
});

test('operations come back in the order in which they were appended, many of them by one fsync', async () => {
  const spool = open();
  await Promise.all(Array.from({ length: 1_000 }, (_, index) => spool.append([operation(index)]).durable));
  expect(spool.counters).toMatchObject({ operations: 1_000, failures: 0 });
  expect(spool.counters.syncs).toBeLessThan(10);
  expect(await amountsOf(spool)).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
});

test('what is appended together lies in one frame', async () => {
  const spool = open();
  const batch = (from: number) => Array.from({ length: 100 }, (_, index) => operation(from + index));
  await Promise.all([spool.append(batch(0)).durable, spool.append(batch(100)).durable]);
  const [sealed] = await spool.seal();
  const sizes: number[] = [];
  if (sealed !== undefined) for await (const { operations } of spool.frames(sealed)) sizes.push(operations.length);
  expect(sizes).toEqual([100, 100]);
});

test('past its bound a spool takes nothing more, and what it took stays', async () => {
  const spool = open(2_000);
  const durable: Promise<void>[] = [];
  expect(() => {
    for (let amount = 0; amount < 100; amount++) durable.push(spool.append([operation(amount)]).durable);
  }).toThrow(expect.objectContaining({ code: 'store_unavailable' }));
  await Promise.all(durable);
  expect(spool.counters.refusedFull).toBe(1);
  expect(spool.bytes).toBeLessThanOrEqual(2_400);
  const kept = await amountsOf(spool);
  expect(kept).toHaveLength(durable.length);
  for (const sealed of await spool.seal()) await spool.forget(sealed);
  expect(spool.bytes).toBe(0);
  await spool.append([operation(1)]).durable;
});

test('a disk that takes nothing refuses, and once it does again the spool goes on', async () => {
  const blocked = join(folder, 'spool');
  await writeFile(blocked, 'a file where the folder should be');
  const spool = new Spool({ folder: blocked, bytesMax: MIB, staleMs: 1_000, log: undefined });
  await expect(spool.append([operation(1)]).durable).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(spool.bytes).toBe(0);
  await rm(blocked);
  // Nothing was written, and there is not even a folder: it is forgotten all the same.
  for (const sealed of await spool.seal()) await spool.forget(sealed);
  expect(spool.isEmpty).toBe(true);
  await spool.append([operation(2)]).durable;
  expect(await amountsOf(spool)).toEqual([2]);
  await spool.close();
});

test('the spool of a gateway that is gone is taken by one other alone, torn tail and all', async () => {
  const dead = open();
  await dead.append([operation(1)]).durable;
  await dead.append([operation(2)]).durable;
  const [name = ''] = await readdir(folder);
  const bytes = await readFile(join(folder, name));
  await writeFile(
    join(folder, name),
    Buffer.concat([bytes, encodeFrame(3, [spoolText(operation(3))]).subarray(0, 40)]),
  );

  const [left, right] = [open(), open()];
  await Promise.all([left.look(), right.look()]);
  expect(left.counters.taken + right.counters.taken).toBe(0);
  await age();
  await Promise.all([left.look(), right.look()]);
  expect(left.counters.taken + right.counters.taken).toBe(1);
  const taker = left.counters.taken === 1 ? left : right;
  expect(await amountsOf(taker)).toEqual([1, 2]);
  expect(taker.counters.tornBytes).toBe(40);
  for (const sealed of await taker.seal()) await taker.forget(sealed);
  expect(await readdir(folder)).toEqual([]);
});

test('a gateway whose spool was taken answers for nothing more from it, and begins another', async () => {
  const stopped = open();
  await stopped.append([operation(1)]).durable;
  await age();
  const other = open();
  await other.look();
  expect(other.counters.taken).toBe(1);
  await expect(stopped.append([operation(2)]).durable).rejects.toMatchObject({ code: 'outcome_unknown' });
  await stopped.append([operation(3)]).durable;
  await stopped.giveSignOfLife();
  expect(await amountsOf(stopped)).toEqual([3]);
});

test('a sign of life keeps others away', async () => {
  const alive = open();
  await alive.append([operation(1)]).durable;
  await alive.seal();
  await alive.append([operation(2)]).durable;
  await age();
  await alive.giveSignOfLife();
  const other = open();
  await other.look();
  expect(other.counters.taken).toBe(0);
  expect(await amountsOf(alive)).toEqual([1, 2]);
});
