import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { parseClusterUrl } from './urls.js';

/**
 * Every setting of Weir: its name in the environment, its type, default, unit and meaning. `docs/configuration.md` is
 * written from here. A setting's key in `weir.config.yaml` is its property here (`port`) or its name (`WEIR_PORT`).
 */
export interface SettingInfo {
  /** Name in the environment. */
  readonly env: string;
  /** One sentence. */
  readonly description: string;
  /** Unit of the value, where it has one. */
  readonly unit?: string;
  /** Shown in the documentation where the default depends on the machine or is made at the start. */
  readonly defaultText?: string;
  /** Never logged or printed. */
  readonly secret?: boolean;
  /** Set by the supervisor for its children; not for users. */
  readonly internal?: boolean;
}

/** What is known of a setting beside its schema. */
export const settingInfo = z.registry<SettingInfo>();

/** The environment has text only, the file has numbers: both are taken, anything but a plain whole number is refused. */
const whole = (min: number, max: number) =>
  z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,15}$/)
          .transform(Number),
      ],
      { error: 'must be a whole number' },
    )
    .pipe(
      z
        .int({ error: 'must be a whole number' })
        .min(min, { error: `must be at least ${min}` })
        .max(max, { error: `must be at most ${max}` }),
    );

const port = () => whole(1, 65_535);

const serviceUrls = (example: string, ...protocols: string[]) =>
  z
    .string()
    .refine(
      (urls) =>
        urls.split(',').every((url) => URL.canParse(url.trim()) && protocols.includes(new URL(url.trim()).protocol)),
      { error: `must be a URL such as ${example}` },
    );

const redisUrl = z
  .string()
  .refine(
    (url) =>
      parseClusterUrl(url) !== undefined ||
      (URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol) && !url.includes(',')),
    {
      error:
        'must be a URL such as redis://user:password@host:6379 or redis+cluster://user:password@host:7000,host:7001',
    },
  );

const nonEmpty = z.string().min(1, { error: 'must not be empty' }).max(4_096, { error: 'is too long' });

export const settingsSchema = z.strictObject({
  home: nonEmpty.default('.weir').register(settingInfo, {
    env: 'WEIR_HOME',
    description:
      'Folder with the data, the made admin key, logs and pid files of one Weir, relative to the working folder.',
  }),
  host: nonEmpty.default('127.0.0.1').register(settingInfo, {
    env: 'WEIR_HOST',
    description: 'Address both ports listen on; health, metrics and OpenAPI need no key on loopback only.',
  }),
  port: port().default(8080).register(settingInfo, {
    env: 'WEIR_PORT',
    description: 'Port of the data plane: checks, events, reservations.',
  }),
  consolePort: port().default(8081).register(settingInfo, {
    env: 'WEIR_CONSOLE_PORT',
    description: 'Port of the control plane and the console.',
  }),
  gateways: whole(1, 256)
    .default(() => Math.max(1, availableParallelism() - 1))
    .register(settingInfo, {
      env: 'WEIR_GATEWAYS',
      unit: 'processes',
      defaultText: 'cores − 1, at least 1',
      description: 'Gateway processes that share the port of the data plane.',
    }),
  adminKey: z
    .string()
    .min(32, { error: 'must have 32 or more characters' })
    .max(1_024, { error: 'must have at most 1024 characters' })
    .regex(/^[^\p{Cc}]+$/u, { error: 'must not contain control characters' })
    .optional()
    .register(settingInfo, {
      env: 'WEIR_ADMIN_KEY',
      secret: true,
      defaultText: 'made once, kept in `WEIR_HOME/admin.key`',
      description: 'Key with every scope on both ports, 32 or more characters.',
    }),
  catalog: nonEmpty.optional().register(settingInfo, {
    env: 'WEIR_CATALOG',
    defaultText: 'the sample, `engine/catalog/sample.yaml`',
    description: 'The entitlement file, which is loaded at the start and again whenever it changes.',
  }),
  durability: z
    .enum(['process', 'power'], { error: 'must be process or power' })
    .default('process')
    .register(settingInfo, {
      env: 'WEIR_DURABILITY',
      description:
        '`process`: charges survive the death of any process; `power`: the private Redis also syncs every write to disk, so its counters survive a loss of power, at half the rate.',
    }),
  idMemoryMb: whole(1, 1_048_576).default(512).register(settingInfo, {
    env: 'WEIR_ID_MEMORY_MB',
    unit: 'MiB of Redis',
    description: 'Memory for remembered ids; past it the oldest hour is forgotten first.',
  }),
  outboxMb: whole(1, 1_048_576).default(1_024).register(settingInfo, {
    env: 'WEIR_OUTBOX_MB',
    unit: 'MiB of Redis',
    description:
      'Memory for facts that wait while NATS or the relay is away; past it checks and events are refused with `outbox_full`, from four fifths of it on denials leave no line.',
  }),
  spoolMb: whole(1, 1_048_576).default(64).register(settingInfo, {
    env: 'WEIR_SPOOL_MB',
    unit: 'MiB of disk',
    description:
      'Room in `WEIR_HOME/spool`, for each gateway, for what limits admit while Redis is away; past it checks are refused with `store_unavailable`.',
  }),
  storeTimeoutMs: whole(1, 60_000).default(200).register(settingInfo, {
    env: 'WEIR_STORE_TIMEOUT_MS',
    unit: 'ms',
    description:
      'How long an operation may wait for a Redis that does not answer before the caller hears `store_unavailable`.',
  }),
  storeFateMs: whole(1, 600_000).default(2_000).register(settingInfo, {
    env: 'WEIR_STORE_FATE_MS',
    unit: 'ms',
    description: 'How long an operation that was sent waits for its fate before the caller hears `outcome_unknown`.',
  }),
  reconcileSeconds: whole(0, 86_400).default(60).register(settingInfo, {
    env: 'WEIR_RECONCILE_SECONDS',
    unit: 's',
    description:
      'How often the control plane compares the counters of the next 200 customers with the ledger; 0: never by itself.',
  }),
  closeDays: whole(0, 365).default(5).register(settingInfo, {
    env: 'WEIR_CLOSE_DAYS',
    unit: 'days',
    description:
      'How long after its end a month is closed: its finance report does not change any more, and what comes later stands in the next one as an adjustment; 0: never.',
  }),
  alertsPrivateNetworks: z
    .enum(['refuse', 'allow'], { error: 'must be refuse or allow' })
    .default('refuse')
    .register(settingInfo, {
      env: 'WEIR_ALERTS_PRIVATE_NETWORKS',
      description:
        'Whether alerts may be sent to private, loopback and link-local addresses, and without TLS; whoever may make targets reaches them then.',
    }),
  smtpUrl: serviceUrls('smtp://user:password@host:587', 'smtp:', 'smtps:').optional().register(settingInfo, {
    env: 'WEIR_SMTP_URL',
    secret: true,
    defaultText: 'none: no alerts by mail',
    description: 'The mail server that alerts go out by.',
  }),
  smtpFrom: z
    .email({ error: 'must be an address such as weir@example.com' })
    .default('weir@localhost.localdomain')
    .register(settingInfo, {
      env: 'WEIR_SMTP_FROM',
      description: 'Sender of alerts by mail.',
    }),
  forecastSeconds: whole(0, 86_400).default(300).register(settingInfo, {
    env: 'WEIR_FORECAST_SECONDS',
    unit: 's',
    description:
      'How often the control plane works out forecasts and signals anew, of customers with new facts, once a day of all; 0: never.',
  }),
  signals: nonEmpty.optional().register(settingInfo, {
    env: 'WEIR_SIGNALS',
    defaultText: '`analytics/signals/signals.yaml`',
    description: 'The file with the rules of the upsell and churn signals, read at the start.',
  }),
  redisUrl: redisUrl.optional().register(settingInfo, {
    env: 'REDIS_URL',
    secret: true,
    defaultText: 'a private Redis under `WEIR_HOME`',
    description:
      'The Redis to use, version 7.0 or newer, which must keep an append-only file: `redis://` for one server; `redis+cluster://user:password@host:7000,host:7001` for a Redis Cluster, of which some nodes are named; `rediss` for TLS.',
  }),
  natsUrl: serviceUrls('nats://user:password@host:4222', 'nats:', 'tls:').optional().register(settingInfo, {
    env: 'NATS_URL',
    secret: true,
    defaultText: 'a private NATS under `WEIR_HOME`',
    description: 'The NATS to use, with JetStream on; several servers are separated by commas.',
  }),
  clickhouseUrl: serviceUrls('http://user:password@host:8123/weir', 'http:', 'https:')
    .optional()
    .register(settingInfo, {
      env: 'CLICKHOUSE_URL',
      secret: true,
      defaultText: 'the embedded ClickHouse under `WEIR_HOME`',
      description: 'The ClickHouse to use.',
    }),
  logLevel: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be fatal, error, warn, info, debug, trace or silent',
    })
    .default('info')
    .register(settingInfo, { env: 'WEIR_LOG_LEVEL', description: 'The least severe log line that is written.' }),
  logFormat: z.enum(['json', 'pretty'], { error: 'must be json or pretty' }).optional().register(settingInfo, {
    env: 'WEIR_LOG_FORMAT',
    defaultText: '`pretty` on a terminal, else `json`',
    description: 'One JSON document a line, or a line for people.',
  }),
  role: z.enum(['gateway', 'relay', 'sink', 'control']).optional().register(settingInfo, {
    env: 'WEIR_ROLE',
    internal: true,
    description: 'Which process this is.',
  }),
  gatewayIndex: whole(0, 255).default(0).register(settingInfo, {
    env: 'WEIR_GATEWAY_INDEX',
    internal: true,
    description: 'Which of the gateways this is.',
  }),
});

/** All settings, checked and with their defaults; `home` is absolute. */
export type Config = z.output<typeof settingsSchema>;
export type SettingKey = keyof Config;

/** The settings in the order of the schema. */
export function settings(): { key: SettingKey; schema: z.ZodType; info: SettingInfo }[] {
  return typedKeys(settingsSchema.shape).map((key) => {
    const schema = settingsSchema.shape[key];
    const info = settingInfo.get(schema);
    if (info === undefined) throw new Error(`the setting ${key} is not registered`);
    return { key, schema, info };
  });
}

function typedKeys(shape: typeof settingsSchema.shape): SettingKey[] {
  const isKey = (key: string): key is SettingKey => key in shape;
  return Object.keys(shape).filter(isKey);
}
