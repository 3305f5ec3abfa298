import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assetPath, packageRoot, readAsset } from './assets.js';
import { createLogger, prettyLine } from './log.js';
import { createMetrics } from './metrics.js';
import { Shutdown } from './shutdown.js';
import { natsConnectionOptions, parseClusterUrl, redactUrl } from './urls.js';

describe('assets', () => {
  it('are found from the package root', () => {
    expect(existsSync(join(packageRoot(), 'tsconfig.json'))).toBe(true);
    expect(readAsset('package.json')).toContain('"name": "weir"');
  });

  it('cannot leave the package', () => {
    expect(() => assetPath('../secret')).toThrow('outside');
  });
});

describe('redactUrl', () => {
  it.each([
    ['redis://:s3cret@127.0.0.1:6379', 'redis://***@127.0.0.1:6379'],
    ['nats://user:s3cret@h:4222,nats://s3cret@h2:4222', 'nats://***@h:4222,nats://***@h2:4222'],
    ['http://h:8123/weir?password=s3cret&x=1', 'http://h:8123/weir?password=***&x=1'],
    ['redis://h:6379', 'redis://h:6379'],
    ['redis+cluster://user:s3cret@h:1,10.0.0.1:2', 'redis+cluster://***@h:1,10.0.0.1:2'],
    ['rediss+cluster://h:1,h:2', 'rediss+cluster://h:1,h:2'],
    ['redis+cluster://user:s3cr@et@h:1', '[not a URL]'],
    ['s3cret', '[not a URL]'],
  ])('hides what is secret in %s', (url, redacted) => {
    expect(redactUrl(url)).toBe(redacted);
  });
});

describe('parseClusterUrl', () => {
  it('takes the nodes of a cluster, with credentials that are those of all', () => {
    expect(parseClusterUrl('redis+cluster://u:p%2C%40@h:7000,[::1]:7001,10.0.0.1')).toEqual({
      nodes: [
        { host: 'h', port: 7000 },
        { host: '::1', port: 7001 },
        { host: '10.0.0.1', port: 6379 },
      ],
      username: 'u',
      password: 'p,@',
      tls: false,
    });
    expect(parseClusterUrl('rediss+cluster://h:1')).toEqual({ nodes: [{ host: 'h', port: 1 }], tls: true });
  });

  it.each(['redis://h:1', 'redis+cluster://', 'redis+cluster://h:1/3', 'redis+cluster://h:1,', 'redis+cluster://h:x'])(
    'takes %s for none',
    (url) => {
      expect(parseClusterUrl(url)).toBeUndefined();
    },
  );
});

describe('natsConnectionOptions', () => {
  it('takes the credentials out of the URL, where the client would ignore them', () => {
    expect(natsConnectionOptions('nats://u%40x:p@h:4333')).toMatchObject({
      servers: ['h:4333'],
      user: 'u@x',
      pass: 'p',
    });
    expect(natsConnectionOptions('nats://t0ken@a,nats://b:1')).toMatchObject({
      servers: ['a:4222', 'b:1'],
      token: 't0ken',
    });
    expect(natsConnectionOptions('tls://h')).toMatchObject({ servers: ['h:4222'], tls: {} });
  });
});

describe('the logger', () => {
  function lines(logFormat: 'json' | 'pretty'): { log: ReturnType<typeof createLogger>; written: string[] } {
    const written: string[] = [];
    const output = { write: (line: string) => void written.push(line) };
    return { log: createLogger('relay', { logLevel: 'info', logFormat }, output), written };
  }

  it('writes one JSON document a line, named by the process, without secrets', () => {
    const { log, written } = lines('json');
    log.info({ adminKey: 's3cret', config: { natsUrl: 's3cret' }, count: 3 }, 'started');
    log.debug('not written');
    expect(written).toHaveLength(1);
    expect(written[0]).not.toContain('s3cret');
    expect(JSON.parse(written[0] ?? '')).toMatchObject({ process: 'relay', msg: 'started', count: 3 });
  });

  it('hides every field that may hold a key or a password, one level deep as well', () => {
    const names = ['authorization', 'x-weir-key', 'weirKey', 'cookie', 'password', 'token', 'secret', 'apiKey'];
    const urls = ['redisUrl', 'natsUrl', 'clickhouseUrl', 'REDIS_URL', 'NATS_URL', 'CLICKHOUSE_URL', 'WEIR_ADMIN_KEY'];
    const secrets = Object.fromEntries([...names, ...urls].map((name) => [name, 's3cret']));
    for (const format of ['json', 'pretty'] as const) {
      const { log, written } = lines(format);
      log.info({ ...secrets, request: secrets, requestId: 'r-1' }, 'asked');
      expect(written[0]).toContain('r-1');
      expect(written[0]).not.toContain('s3cret');
    }
  });

  it('writes nothing below its level', () => {
    const written: string[] = [];
    const output = { write: (line: string) => void written.push(line) };
    const log = createLogger('relay', { logLevel: 'error', logFormat: 'json' }, output);
    log.warn('no');
    log.error('yes');
    createLogger('relay', { logLevel: 'silent', logFormat: 'json' }, output).fatal('no');
    expect(written.map((line) => JSON.parse(line).msg)).toEqual(['yes']);
  });

  it('writes lines for people on a terminal, with the stack of an error', () => {
    const { log, written } = lines('pretty');
    log.warn({ error: new Error('broken'), attempt: 2, why: 'two words' }, 'again');
    expect(written[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}relay: again attempt=2 why="two words"\n {4}Error: broken\n/,
    );
    expect(prettyLine('no json')).toBe('no json');
  });
});

it('metrics name their process, and those of Node are collected once', async () => {
  const first = await createMetrics('gateway-0').metrics();
  const second = await createMetrics('sink').metrics();
  expect(first).toContain('process="gateway-0"');
  expect(first).toContain('nodejs_eventloop_lag_seconds');
  expect(second).not.toContain('nodejs_eventloop_lag_seconds');
});

describe('shutdown', () => {
  const log = { info: () => undefined, error: () => undefined };

  it('runs every step once, in order, also past one that fails, and says so by its exit code', async () => {
    const done: string[] = [];
    const codes: number[] = [];
    const shutdown = new Shutdown({ log, exit: (code) => void codes.push(code) });
    shutdown.step('server', async () => void done.push('server'));
    shutdown.step('broken', () => {
      throw new Error('broken');
    });
    shutdown.step('engine', () => void done.push('engine'));
    expect(shutdown.draining).toBe(false);
    await Promise.all([shutdown.run('first'), shutdown.run('second')]);
    expect(shutdown.draining).toBe(true);
    expect(done).toEqual(['server', 'engine']);
    expect(codes).toEqual([1]);
  });

  it('exits when a step never ends', async () => {
    const code = await new Promise<number>((resolve) => {
      const shutdown = new Shutdown({ log, deadlineMs: 5, exit: resolve });
      shutdown.step('stuck', () => new Promise<void>(() => undefined));
      void shutdown.run('test');
    });
    expect(code).toBe(1);
  });
});
