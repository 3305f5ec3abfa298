import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { ClickHouse } from './clickhouse.js';

it('a slow query holds up no other one while there is a free line', async () => {
  const home = await mkdtemp(join(tmpdir(), 'weir-lines-'));
  const clickhouse = await ClickHouse.open({ home, clickhouseUrl: undefined }, 2);
  const ended: string[] = [];
  const slow = clickhouse
    .command('SELECT sleepEachRow(0.5) FROM numbers(4) SETTINGS max_block_size = 1 FORMAT Null')
    .then(() => ended.push('slow'));
  for (const name of ['first', 'second']) {
    await clickhouse.command('SELECT 1 FORMAT Null');
    ended.push(name);
  }
  await slow;
  expect(ended).toEqual(['first', 'second', 'slow']);
  await clickhouse.close();
  await rm(home, { recursive: true, force: true });
});

it('a question has the same answer however often it is asked', async () => {
  const home = await mkdtemp(join(tmpdir(), 'weir-lines-'));
  const clickhouse = await ClickHouse.open({ home, clickhouseUrl: undefined });
  const sql = 'SELECT toFloat64(greatest(toInt128(number) - toInt64(50), 0)) AS over FROM numbers(1)';
  for (let time = 0; time < 6; time++) {
    expect(await clickhouse.query(sql, {}, z.object({ over: z.number() }))).toEqual([{ over: 0 }]);
  }
  await clickhouse.close();
  await rm(home, { recursive: true, force: true });
});
