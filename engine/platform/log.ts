import { Writable } from 'node:stream';
import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino';
import type { Config } from './config.js';

export type { Logger } from 'pino';

/** Fields that are never written, wherever a log line carries them one level deep. */
const SECRET_FIELDS = [
  'adminKey',
  'apiKey',
  'authorization',
  'clickhouseUrl',
  'cookie',
  'natsUrl',
  'password',
  'redisUrl',
  'secret',
  'token',
  'weirKey',
  'x-weir-key',
  'CLICKHOUSE_URL',
  'NATS_URL',
  'REDIS_URL',
  'WEIR_ADMIN_KEY',
  'WEIR_KEY',
];

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/**
 * The logger of one process, which names itself in every line.
 *
 * JSON lines; on a terminal, or with `logFormat` pretty, lines for people. Writing is synchronous, so that the last
 * line before a crash is not lost: nothing on the path of a check logs at the usual level.
 *
 * @param processName such as `gateway-0`.
 */
export function createLogger(
  processName: string,
  config: Pick<Config, 'logLevel' | 'logFormat'>,
  output?: DestinationStream,
): Logger {
  const pretty = (config.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty';
  const options = {
    level: config.logLevel,
    base: { process: processName },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    serializers: { error: stdSerializers.err, err: stdSerializers.err },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [`["${field}"]`, `*["${field}"]`]), censor: '***' },
  };
  const target = output ?? destination({ fd: 1, sync: true });
  return pretty ? pino(options, prettyStream(target)) : pino(options, target);
}

/** Turns pino's JSON lines into `12:30:00.123 info  gateway-0: message key=value`. */
function prettyStream(target: DestinationStream): DestinationStream {
  return new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      target.write(prettyLine(String(chunk)));
      done();
    },
  });
}

/** One JSON line of pino as a line for people; what is no JSON passes as it is. */
export function prettyLine(line: string): string {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof entry !== 'object' || entry === null) return line;
  const { level, time, process: name, msg, error, err, ...rest } = entry as Readonly<Record<string, unknown>>;
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${shown(value)}`);
  const clock = typeof time === 'string' ? time.slice(11, 23) : '';
  const head = `${clock} ${(LEVELS[Number(level)] ?? '').padEnd(5)} ${String(name)}: ${String(msg ?? '')}`;
  return `${head}${fields.join('')}${stackOf(error ?? err)}\n`;
}

const shown = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);

function stackOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return error === undefined ? '' : ` error=${shown(error)}`;
  const text = 'stack' in error && error.stack ? error.stack : 'message' in error ? error.message : shown(error);
  return `\n    ${String(text).replaceAll('\n', '\n    ')}`;
}
