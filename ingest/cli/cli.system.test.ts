import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { publishDeadLetter } from '../../analytics/sink/dead-letter.js';
import { buildEntry } from '../../analytics/test-support/entry-builder.js';
import { assetPath, packageRoot } from '../../engine/platform/assets.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { type Stack, startStack, waitFor } from '../../loadtest/harness/services.js';
import { parseRows } from './test-support/parse-rows.js';

/** The command line as a user has it, against a whole Weir. */

const MAIN = assetPath('dist/ingest/cli/main.js');
const SAMPLE = assetPath('ingest/cli/test-support/model-calls.csv');
/** The public trace lies beside the checkout where its tests are given; it is not ours to commit. */
const AZURE = resolve(packageRoot(), '../shared/data/azure-llm-2023-code.csv');
/** From the outbox into ClickHouse, on a busy machine. */
const BOOKED_MS_MAX = 60_000;

const SAMPLE_OPTIONS = [
  ...['--type', 'llm.request', '--time', 'Started At', '--customer-column', 'Account'],
  ...['--map', 'contextTokens=Prompt', '--map', 'generatedTokens=Completion', '--map', 'model=Model'],
  ...['--map', 'totalTokens=Prompt+Completion'],
];

let stack: Stack;
const folder = mkdtempSync(join(tmpdir(), 'weir-cli-'));
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await stack.stop();
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `weir …` with nothing but the home to find its way by. */
function weir(...args: string[]): Promise<Ran> {
  return new Promise((done) => {
    const env = { PATH: process.env.PATH, WEIR_HOME: stack.home };
    execFile(process.execPath, [MAIN, ...args], { env, cwd: folder, timeout: 120_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      expect(out + err).not.toContain(stack.adminKey);
      done({ code, out, err });
    });
  });
}

const summarySchema = z.object({
  rows: z.number(),
  accepted: z.number(),
  duplicates: z.number(),
  duplicatesResent: z.number(),
  rejected: z.record(z.string(), z.number()),
  denied: z.record(z.string(), z.number()).optional(),
  customersCreated: z.number(),
  totals: z.record(z.string(), z.union([z.number(), z.string()])),
});

async function replay(...args: string[]) {
  const { code, out, err } = await weir('replay', ...args, '--json');
  return { code, err, summary: summarySchema.parse(JSON.parse(out)) };
}

const reportSchema = z.object({ rows: z.array(z.looseObject({ value: z.union([z.number(), z.string()]) })) });

/** Usage of a meter in a month: by the command line, and by HTTP. */
async function usage(meter: string, from: string, to: string): Promise<unknown[]> {
  const cli = await weir(
    'report',
    'usage',
    '--meter',
    meter,
    '--from',
    from,
    '--to',
    to,
    '--granularity',
    'month',
    '--json',
  );
  const query = new URLSearchParams({ meter, from, to, granularity: 'month' });
  const response = await fetch(`${stack.console}/v1/usage?${query}`, {
    headers: { authorization: `Bearer ${stack.adminKey}` },
  });
  const answers = [JSON.parse(cli.out), await response.json()];
  return answers.flatMap((answer) => reportSchema.parse(answer).rows.map(({ value }) => value));
}

const utilizationSchema = z.object({
  totals: z.object({ meters: z.array(z.object({ meter: z.string(), used: z.union([z.number(), z.string()]) })) }),
});

/** What the utilization report of a month totals by meter: by the command line, and by HTTP. */
async function utilization(period: string): Promise<Record<string, number | string>[]> {
  const cli = await weir('report', '--period', period, '--json');
  const response = await fetch(`${stack.console}/v1/reports/utilization?period=${period}`, {
    headers: { authorization: `Bearer ${stack.adminKey}` },
  });
  return [JSON.parse(cli.out), await response.json()].map((answer) => {
    const { meters } = utilizationSchema.parse(answer).totals;
    return Object.fromEntries(meters.map(({ meter, used }) => [meter, used]));
  });
}

/** Waits until a month's usage is booked, and holds it against what is expected, to the unit. */
async function expectUsage(month: readonly [from: string, to: string], expected: Readonly<Record<string, number>>) {
  for (const [meter, value] of Object.entries(expected)) {
    let seen: unknown[] = [];
    const isBooked = async (): Promise<boolean> => {
      seen = await usage(meter, ...month);
      return seen.every((each) => each === value);
    };
    await waitFor(isBooked, { timeoutMs: BOOKED_MS_MAX, what: `${value} ${meter}` }).catch(() => undefined);
    expect(seen, meter).toEqual([value, value]);
  }
}

const NOVEMBER_2023 = ['2023-11-01', '2023-12-01'] as const;
const FEBRUARY_2024 = ['2024-02-01', '2024-03-01'] as const;

describe('weir replay', () => {
  const sample = parseRows(readFileSync(SAMPLE, 'utf8'));
  const sum = (column: string): number => sample.reduce((total, row) => total + Number(row[column]), 0);
  const totals = {
    contextTokens: sum('Prompt'),
    generatedTokens: sum('Completion'),
    totalTokens: sum('Prompt') + sum('Completion'),
  };
  const booked = {
    calls: sample.length,
    tokens: totals.totalTokens,
    context_tokens: totals.contextTokens,
    generated_tokens: totals.generatedTokens,
  };

  it('rejects customers that are not there, says how to make them, and exits with 1 unless that is allowed', async () => {
    const first = await replay(SAMPLE, ...SAMPLE_OPTIONS);
    expect(first).toMatchObject({ code: 1, summary: { accepted: 0, rejected: { unknown_customer: sample.length } } });
    expect(first.err).toContain('--create-customers PLAN');
    expect(first.err).toContain('line 2: unknown_customer');
    expect((await replay(SAMPLE, ...SAMPLE_OPTIONS, '--allow-rejected')).code).toBe(0);
  });

  it('charges each row once, with its time and customer, however often it is run', async () => {
    const options = [...SAMPLE_OPTIONS, '--create-customers', 'pro'];
    const first = await replay(SAMPLE, ...options);
    expect(first, first.err).toMatchObject({
      code: 0,
      summary: { rows: sample.length, rejected: {}, customersCreated: 3, totals },
    });
    // On a machine that is busy a batch may go out twice; then its rows are duplicates of its own.
    expect(first.summary.accepted + first.summary.duplicatesResent).toBeGreaterThanOrEqual(sample.length);
    await expectUsage(FEBRUARY_2024, booked);

    const second = await replay(SAMPLE, ...options, '--batch', '7', '--concurrency', '3');
    expect(second, second.err).toMatchObject({
      code: 0,
      summary: { accepted: 0, duplicates: sample.length, rejected: {}, customersCreated: 0, totals },
    });
    await expectUsage(FEBRUARY_2024, booked);
  });

  it('sends the good rows of a log with bad ones, and tells the bad ones by their lines', async () => {
    const path = join(folder, 'bad.csv');
    writeFileSync(
      path,
      'time,n\n2024-04-01 10:00,1\n2024-04-31 10:00,2\n2024-04-01 10:00\n2024-04-01 10:01,x\n2024-04-01 10:02,4\n',
    );
    const options = ['--type', 'llm.request', '--create-customers', 'free', '--customers', '2'];
    const maps = ['contextTokens', 'generatedTokens', 'totalTokens'].flatMap((name) => ['--map', `${name}=n`]);
    const { code, err, summary } = await replay(path, ...options, ...maps);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ rows: 5, accepted: 2, totals: { totalTokens: 5 } });
    expect(summary.rejected).toEqual({ invalid_time: 1, unreadable_line: 1, invalid_amount: 1 });
    for (const line of ['line 3: invalid_time', 'line 4: unreadable_line', 'line 5: invalid_amount'])
      expect(err).toContain(line);
  });

  it('asks first with --to check, and is told what the limits deny', async () => {
    const path = join(folder, 'checks.ndjson');
    writeFileSync(path, Array.from({ length: 8 }, (_, index) => `{"tokens":${1_000 + index}}\n`).join(''));
    const options = ['--to', 'check', '--feature', 'chat', '--amount-column', 'tokens', '--customers', '1'];
    const first = await replay(path, ...options);
    // The burst of the plan "free" is 5 000 tokens, and refills by 100 a second.
    expect(first).toMatchObject({ code: 0, summary: { rows: 8, accepted: 4, denied: { limit_exceeded: 4 } } });
    expect(first.summary.totals).toEqual({ amount: 4_006 });
    const second = await replay(path, ...options);
    expect(second).toMatchObject({ code: 0, summary: { duplicates: 4 } });
  });

  it.runIf(existsSync(AZURE))('takes the Azure trace without options, to the last token', async () => {
    const rows = 8_819;
    const azure = { contextTokens: 18_059_974, generatedTokens: 245_896, totalTokens: 18_305_870 };
    const month = {
      calls: rows,
      tokens: azure.totalTokens,
      context_tokens: azure.contextTokens,
      generated_tokens: azure.generatedTokens,
    };
    const first = await replay(AZURE);
    expect(first, first.err).toMatchObject({ code: 0, summary: { rows, rejected: {}, totals: azure } });
    expect(first.summary.accepted + first.summary.duplicates).toBe(rows);
    expect(first.summary.accepted + first.summary.duplicatesResent).toBeGreaterThanOrEqual(rows);
    await expectUsage(NOVEMBER_2023, month);
    expect(await utilization('2023-11')).toEqual([month, month]);
    const second = await replay(AZURE);
    expect(second, second.err).toMatchObject({
      code: 0,
      summary: { accepted: 0, duplicates: rows, rejected: {}, totals: azure },
    });
    await expectUsage(NOVEMBER_2023, month);
    expect(await utilization('2023-11')).toEqual([month, month]);
    const shown = (await weir('report', '--period', '2023-11')).out;
    expect(shown).toMatch(/^METER +USED +UNIT$/m);
    expect(shown).toMatch(/^calls +8 819 +-$/m);
    expect(shown).toMatch(/^context_tokens +18 059 974 +token$/m);
    expect(shown).toMatch(/^generated_tokens +245 896 +token$/m);
  });
});

describe('the other commands', () => {
  it('check: 0 when allowed, 1 when denied, and the numbers', async () => {
    const allowed = await weir('check', 'acme', 'chat', '900', '--id', 'c1', '--json');
    expect([allowed.code, JSON.parse(allowed.out)]).toMatchObject([0, { allowed: true, amount: 900, replayed: false }]);
    expect((await weir('check', 'acme', 'chat', '900', '--id', 'c1')).out).toContain('the first answer again');
    const denied = await weir('check', 'acme', 'chat', '99999999');
    expect(denied.code).toBe(1);
    expect(denied.out).toContain('denied by: monthly, burst');
    expect((await weir('check', 'nobody', 'chat')).out).toContain('unknown_customer');
  });

  it('send: one event, the same again, and a file with a bad line', async () => {
    const data = ['totalTokens=5', 'contextTokens=3', 'generatedTokens=2'].flatMap((pair) => ['--data', pair]);
    expect((await weir('send', 'llm.request', 'acme', ...data, '--id', 'e1')).out).toContain('accepted: e1');
    expect((await weir('send', 'llm.request', 'acme', ...data, '--id', 'e1')).out).toContain('duplicate: e1');
    const event = {
      id: 'e2',
      source: 's',
      type: 'llm.request',
      subject: 'acme',
      data: { totalTokens: 1, contextTokens: 1, generatedTokens: 0 },
    };
    const path = join(folder, 'events.ndjson');
    writeFileSync(
      path,
      `${JSON.stringify(event)}\n{"id":\n${JSON.stringify({ ...event, id: 'e3', subject: 'nobody' })}\n`,
    );
    const sent = await weir('send', '--file', path);
    expect(sent.code).toBe(1);
    expect(sent.out).toContain('1 accepted, 0 duplicates, 2 rejected');
    expect(sent.err).toContain('line 2: unreadable_line');
    expect(sent.err).toContain('line 3: unknown_customer');
  });

  it('report: a month for people, as JSON and as CSV, and nothing where nothing was used', async () => {
    await weir('check', 'globex', 'chat', '4321');
    // Its month, which in the first hours of UTC's is still the one before.
    const period = new Date().toLocaleDateString('sv-SE', { timeZone: 'America/New_York' }).slice(0, 7);
    const ask = (...format: string[]) => weir('report', '--customer', 'globex', '--period', period, ...format);
    const isBooked = async () => (await ask()).out.includes('4 321');
    await waitFor(isBooked, { timeoutMs: BOOKED_MS_MAX, what: 'the usage of globex in the report' });
    expect((await ask()).out).toMatch(/globex +enterprise +chat +tokens +monthly +20 000 000 +4 321/);
    const { rows } = z.object({ rows: z.array(z.looseObject({})) }).parse(JSON.parse((await ask('--json')).out));
    expect(rows).toMatchObject([{ customer: 'globex', feature: 'chat', used: 4_321 }]);
    const csv = parseRows((await ask('--csv')).out);
    expect(csv).toMatchObject([{ customer: 'globex', feature: 'chat', used: '4321', included: '20000000' }]);
    expect((await weir('report', '--period', '2001-01')).out).toBe('Nothing was used in 2001-01.\n');
    expect(await weir('report', '--period', '2026-13')).toMatchObject({
      code: 1,
      err: expect.stringContaining('invalid_period'),
    });
  });

  it('void: takes an event back, says the same again, and knows no event that was never sent', async () => {
    const send = [
      'send',
      'llm.request',
      'kaori',
      '--id',
      'wrong',
      ...['totalTokens', 'contextTokens'].flatMap((name) => ['--data', `${name}=77`]),
    ];
    expect((await weir(...send, '--data', 'generatedTokens=0', '--data', 'model=small')).code).toBe(0);
    const take = (id: string, ...more: string[]) =>
      weir('void', '--customer', 'kaori', '--source', 'weir-cli', '--id', id, '--reason', 'a wrong unit', ...more);
    const done = await take('wrong');
    expect(done.out).toMatch(/^voided: wrong of weir-cli, customer kaori\nby admin at \S+: a wrong unit\n/);
    expect(done.out).toMatch(/chat +tokens +-77 +monthly +\S+ +0 /);
    expect(done.code).toBe(0);
    const again = await take('wrong', '--json');
    expect(JSON.parse(again.out)).toMatchObject({ id: 'wrong', replayed: true, reason: 'a wrong unit' });
    expect((await take('wrong')).out).toContain('voided (before, and not again): wrong');
    expect(await take('never-sent')).toMatchObject({ code: 1, err: expect.stringContaining('unknown_event') });
  });

  it('report denials and near-limits: who was refused, and who will be', async () => {
    await weir('check', 'mumbai-labs', 'chat', '6000');
    await weir('check', 'mumbai-labs', 'api', '450');
    const isTold = async (...args: string[]) => (await weir(...args)).out.includes('mumbai-labs');
    const bound = { timeoutMs: BOOKED_MS_MAX, what: 'mumbai-labs in the reports' };
    await waitFor(() => isTold('report', 'denials', '--customer', 'mumbai-labs'), bound);
    await waitFor(() => isTold('near-limits', '--threshold', '90'), bound);
    expect((await weir('report', 'denials')).out).toMatch(/mumbai-labs +chat +tokens +limit_exceeded +burst +6 000/);
    expect((await weir('near-limits', '--threshold', '90')).out).toMatch(
      /mumbai-labs +free +api +calls +daily +500 +450/,
    );
    expect(await isTold('near-limits', '--threshold', '91')).toBe(false);
  });

  it('keys: a key works when it is printed, is never printed again, and works no more when it is revoked', async () => {
    const made = await weir('keys', 'create', 'ci', '--scope', 'read', '--name', 'the pipeline');
    expect(made.code).toBe(0);
    const key = made.out.trim();
    const ask = async (): Promise<number> =>
      (await fetch(`${stack.dataPlane}/v1/customers/acme/usage`, { headers: { authorization: `Bearer ${key}` } }))
        .status;
    expect(await ask()).toBe(200);
    expect(await weir('keys', 'create', 'ci')).toMatchObject({ code: 2, err: expect.stringContaining('already') });
    const listed = await weir('keys', 'list');
    expect(listed.out).toMatch(/ci +the pipeline +read/);
    expect(listed.out).not.toContain(key);
    expect((await weir('keys', 'revoke', 'ci')).code).toBe(0);
    expect(await ask()).toBe(401);
  });

  it('catalog: a difference is shown, applied, in force at once, and gone when the file is as before', async () => {
    const before = assetPath('engine/catalog/sample.yaml');
    expect((await weir('catalog', 'diff', before)).out).toContain('Nothing would change');
    const path = join(folder, 'catalog.yaml');
    writeFileSync(path, readFileSync(before, 'utf8').replace('capacity: 20000,', 'capacity: 70,'));
    const diff = await weir('catalog', 'diff', path, '--exit-code');
    expect(diff.code).toBe(1);
    expect(diff.out).toContain('features.chat.limits.burst.capacity: 20000 → 70');
    expect((await weir('check', 'kaori', 'chat', '71', '--dry-run')).code).toBe(0);
    expect((await weir('catalog', 'apply', path)).code).toBe(0);
    expect((await weir('check', 'kaori', 'chat', '71', '--dry-run')).code).toBe(1);
    expect((await weir('catalog', 'apply', before)).code).toBe(0);
    expect((await weir('check', 'kaori', 'chat', '71', '--dry-run')).code).toBe(0);
  });

  it('catalog: a file that does not hold changes nothing, and each fault is told at its line', async () => {
    const path = join(folder, 'broken.yaml');
    writeFileSync(path, 'plans:\n  - { id: free, features: { chatt: true } }\ncustomers:\n  - { id: a, plan: none }\n');
    const refused = await weir('catalog', 'apply', path);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('invalid_catalog');
    expect(refused.err).toMatch(/line 2:\d+ .*chatt/);
    expect(refused.err).toMatch(/line 4:\d+ .*none/);
    expect((await weir('catalog', 'diff', assetPath('engine/catalog/sample.yaml'))).out).toContain(
      'Nothing would change',
    );
  });

  it('dead-letters: what cannot be read is listed and kept, what can be read now is booked and gone', async () => {
    expect((await weir('dead-letters', 'list')).out).toContain('There are no dead letters.');
    const nats = await connect(natsConnectionOptions(stack.urls().nats));
    const letter = { reason: 'an earlier sink could not read it', shard: 's88', epoch: '1' };
    const fact = { customer: 'kaori', feature: 'chat', meter: 'tokens', amount: 3 };
    const bytes = buildEntry({ chargedAtMs: Date.now(), facts: [fact, fact] });
    await publishDeadLetter(nats.jetstream(), { ...letter, bytes, origin: '1/s88/1700000000000-1' });
    await publishDeadLetter(nats.jetstream(), {
      ...letter,
      bytes: Buffer.from('rubbish'),
      origin: '1/s88/1700000000000-2',
    });
    await nats.close();
    const listed = await weir('dead-letters', 'list');
    expect(listed.out).toMatch(/an earlier sink could not read it +rubbish/);
    const rows = z
      .array(z.object({ id: z.number() }))
      .parse(JSON.parse((await weir('dead-letters', 'list', '--json')).out));
    expect(rows).toHaveLength(2);
    const all = await weir('dead-letters', 'retry', '--all');
    expect(all.out).toMatch(/booked, 2 new rows\n.*kept, .*\n1 booked, 1 kept\.\n$/);
    expect(all.code).toBe(1);
    expect((await weir('dead-letters', 'retry', String(rows[0]?.id))).err).toContain('not_found');
    expect((await weir('dead-letters', 'retry')).code).toBe(2);
    expect((await weir('dead-letters', 'list', '--json')).out).toContain('1700000000000-2');
  });

  it('doctor: finds nothing wrong with a system that runs', async () => {
    const { code, out } = await weir('doctor');
    expect(out).not.toMatch(/^fail/m);
    const sound = [/ok +data plane/, /ok +console/, /ok +redis +\d\S+, append-only file/, /ok +nats .*JetStream/];
    const more = [/ok +catalog +version \d+ in force: control \d+, gateway-0/, /ok +relay/];
    for (const line of [...sound, ...more]) expect(out).toMatch(line);
    expect(code).toBe(0);
  });
});
