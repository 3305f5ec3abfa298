import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMANDS, runCommandLine } from './run.js';
import { memoryIo } from './test-support/memory-io.js';

const folder = mkdtempSync(join(tmpdir(), 'weir-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const log = join(folder, 'log.csv');
writeFileSync(log, 'at,n\n2023-11-16 10:00,1\n');
const VOID = 'void --customer acme --source s --id e1 --reason twice';
const KEY = 'a-key-that-nobody-may-ever-see-printed';
/** Port 9 (discard) is never ours. */
const env = {
  WEIR_HOME: folder,
  WEIR_KEY: KEY,
  WEIR_URL: 'http://127.0.0.1:9',
  WEIR_CONSOLE_URL: 'http://127.0.0.1:9',
};

async function weir(line: string, environment: Record<string, string> = env) {
  const io = memoryIo(environment);
  const exitCode = await runCommandLine(line === '' ? [] : line.split(' '), io);
  return { exitCode, ...io.printed };
}

describe('help', () => {
  it('lists every command, and explains each with options and examples', async () => {
    const { out, exitCode } = await weir('help');
    expect(exitCode).toBe(0);
    for (const { name, summary } of COMMANDS) expect(out).toMatch(new RegExp(`${name} +${escaped(summary)}`));
    for (const command of COMMANDS) {
      const told = await weir(`help ${command.name}`);
      expect(told.exitCode).toBe(0);
      for (const option of Object.keys(command.options)) expect(told.out).toContain(`--${option}`);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const { line } of command.examples) expect(told.out).toContain(`weir ${line}`);
      expect((await weir(`${command.name} --help`)).out).toBe(told.out);
    }
  });

  it('of a group shows all of it; without a word it is an error', async () => {
    expect((await weir('help keys')).out).toContain('weir keys revoke');
    const { exitCode, out, err } = await weir('');
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain('Usage: weir COMMAND');
  });

  it('says which version this is', async () => {
    expect(await weir('--version')).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^weir \d+\.\d+\.\d+\n$/),
    });
  });
});

describe('a wrong command line', () => {
  it.each([
    ['chek acme chat', 'there is no command "chek"; did you mean check?'],
    ['catalog', 'which one: catalog apply, catalog diff?'],
    ['keys rewoke x', 'there is no command "keys rewoke"; did you mean keys revoke?'],
    ['help nonsense', 'there is no command "nonsense"'],
    ['check acme', 'it takes CUSTOMER FEATURE [AMOUNT]'],
    ['check acme chat 1 2', 'what is "2"?'],
    ['check acme chat --dryrun', 'there is no option --dryrun; did you mean --dry-run?'],
    ['check acme chat --id', '--id needs a value: --id ID'],
    ['check acme chat --id --json', '--id needs a value'],
    ['check acme chat --id a --id b', '--id is given twice'],
    ['check acme chat --json=yes', '--json takes no value'],
    ['check acme chat --dimension model', '--dimension takes NAME=VALUE'],
    ['send llm.request', 'it takes TYPE and CUSTOMER, or --file FILE'],
    ['send --file x.ndjson --id y', '--id is for one event'],
    ['void --customer acme --source s --id e1', '--reason is needed'],
    ['void e1', 'it takes no operands'],
    ['report utilisation', 'did you mean utilization?'],
    ['report --json --csv', '--json and --csv exclude each other'],
    ['report --meter tokens', 'the utilization report has no option --meter'],
    ['report usage', '--meter is needed'],
    ['portal-link', 'it takes CUSTOMER'],
    ['portal-link acme --ttl soon', '--ttl is a time such as 90s, 15m or 24h, not "soon"'],
    ['near-limits --threshold high', '--threshold is a number from 0 to 9999'],
    ['keys create --scope reed', 'did you mean read?'],
    ['catalog diff x.yaml --owner me', '--owner is one of file, api'],
    ['replay log.txt', '--format csv or --format ndjson is needed'],
    ['replay log.csv --batch 10001', '--batch is a whole number from 1 to 10000'],
    ['replay log.csv --concurrency 0', '--concurrency is a whole number from 1 to 64'],
    ['replay log.csv --timezone Berlin', '--timezone is an IANA name'],
    ['replay log.csv --to check', '--feature is needed'],
    ['replay log.csv --to check --feature f --type t', '--type is not for --to check'],
    ['replay log.csv --feature f', '--feature is not for --to events'],
    ['replay log.csv --customer-column c --seed 2', '--seed draws customers'],
    ['replay log.csv --delimiter ab', '--delimiter is one character'],
    ['replay log.csv --speed 0', '--speed is a number from 0.001'],
  ])('%s: exit code 2 and what to do', async (line, message) => {
    const { exitCode, out, err } = await weir(line);
    expect(err).toContain(message);
    expect(err).toContain('See: weir help');
    expect([exitCode, out]).toEqual([2, '']);
  });

  it('is found before anything is asked of the file or the system', async () => {
    expect(await weir(`replay ${log} --type t --map n=m`)).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('--map names the column "m"'),
    });
  });

  it('also stands in the environment', async () => {
    expect(await weir('keys list', { ...env, WEIR_URL: 'localhost:8080' })).toMatchObject({ exitCode: 2 });
    const { exitCode, err } = await weir('keys list', { WEIR_HOME: folder, WEIR_PORT: 'http' });
    expect(exitCode).toBe(2);
    expect(err).toContain('WEIR_PORT must be a whole number');
  });
});

describe('a system that cannot be reached', () => {
  it('is exit code 1, with what to do, and never the key', async () => {
    for (const line of ['check acme chat --id 1', 'keys list', 'report', VOID, `replay ${log} --type t`]) {
      const { exitCode, out, err } = await weir(line);
      expect([exitCode, out], err).toEqual([1, '']);
      expect(err).toContain('unreachable');
      expect(err).toContain('npm start');
      expect(err).not.toContain(KEY);
    }
  });

  it('without a key says where one is looked for', async () => {
    const { exitCode, err } = await weir('keys list', { WEIR_HOME: folder });
    expect(exitCode).toBe(1);
    expect(err).toContain('WEIR_KEY');
    expect(err).toContain(join(folder, 'admin.key'));
  });

  it('does not keep the doctor from looking at the rest', async () => {
    const { exitCode, out } = await weir('doctor --json', { ...env, WEIR_PROT: '1' });
    const findings: { level: string; subject: string; text: string }[] = JSON.parse(out);
    const levels = Object.fromEntries(findings.map(({ subject, level }) => [subject, level]));
    expect(levels).toMatchObject({ node: 'ok', settings: 'warn', 'data plane': 'fail', console: 'fail' });
    expect(out).toContain('did you mean WEIR_PORT?');
    expect(out).not.toContain(KEY);
    expect(exitCode).toBe(1);
  });

  it('is told of a file that cannot be read before', async () => {
    const { exitCode, err } = await weir('replay no-such-file.csv');
    expect(exitCode).toBe(1);
    expect(err).toContain('no-such-file.csv cannot be read');
  });
});

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
