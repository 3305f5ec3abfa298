import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failPointOptions } from '../harness/fail-points.js';
import { type Service, type Stack, startNats, startRedis, startStack } from '../harness/services.js';
import { TcpProxy } from '../harness/tcp-proxy.js';
import { chaosCatalog } from './catalog.js';
import type { LinkName } from './schedule.js';

/** A stack of its own whose Redis and NATS are reached through proxies, and whose processes obey orders to die. */
export interface Target {
  readonly stack: Stack;
  readonly services: Readonly<Record<LinkName, Service>>;
  readonly links: Readonly<Record<LinkName, TcpProxy>>;
  /** Stops what still runs, and removes all data. */
  stop(): Promise<void>;
}

const GATEWAYS = 2;
/** As `npm start` has them. */
const REDIS_SETTINGS = ['auto-aof-rewrite-min-size 256mb', 'rdbcompression no', 'maxmemory-policy noeviction'];

export async function startTarget(): Promise<Target> {
  const opened: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const each of opened.reverse().splice(0)) await each.stop();
  };
  const opening = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const each = await starting;
    opened.push(each);
    return each;
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'weir-chaos-'));
    opened.push({ stop: () => rm(folder, { recursive: true, force: true }) });
    const catalog = join(folder, 'catalog.yaml');
    await writeFile(catalog, chaosCatalog());
    const redis = await opening(startRedis({ appendonly: true, settings: REDIS_SETTINGS }));
    const nats = await opening(startNats());
    const links = { redis: await opening(TcpProxy.start(redis.port)), nats: await opening(TcpProxy.start(nats.port)) };
    const env = {
      WEIR_CATALOG: catalog,
      REDIS_URL: throughProxy(redis, links.redis),
      NATS_URL: throughProxy(nats, links.nats),
      NODE_OPTIONS: failPointOptions(),
      WEIR_LOG_LEVEL: 'warn',
    };
    const stack = await opening(startStack({ gateways: GATEWAYS, home: join(folder, 'home'), env }));
    return { stack, services: { redis, nats }, links, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function throughProxy({ url, port }: Service, proxy: TcpProxy): string {
  return url.replace(`:${port}`, `:${proxy.port}`);
}
