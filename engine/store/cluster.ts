import { Cluster, type Redis, type RedisOptions } from 'ioredis';
import type { ClusterAddress } from '../platform/urls.js';

/** A single server or a cluster: the same commands, each with keys of one slot. */
export type RedisClient = Redis | Cluster;
/** The client's options; replies keep the shapes that our readers know. */
export type ClientOptions = Omit<RedisOptions, 'replyMapping' | 'protocol'>;

/**
 * How often the client asks which master has which slots. Redirections tell it sooner; this is for a master that says
 * nothing at all, whose replica has taken over.
 */
const SLOTS_REFRESH_MS = 2_000;
/** A node that is not there must not hold its caller longer. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Redirections of one command in a row: it moved, it is being moved, a node knew an older state. */
const REDIRECTIONS_MAX = 6;

/** Errors of a cluster, and of the client's redirections, that say that a call did not run and may run soon. */
const NOT_TAKEN =
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|READONLY|MASTERDOWN|ERR Function not found|Too many Cluster redirections)\b/;

export const isNotTaken = (error: unknown): boolean => error instanceof Error && NOT_TAKEN.test(error.message);

/**
 * A client of a cluster that never repeats by itself a command whose reply was lost: it follows redirections only, and
 * those say that the command did not run. Reads and writes go to masters. Every command has an end: what waits for the
 * cluster to be found times out as what waits for a reply.
 */
export function connectCluster(address: ClusterAddress, options: ClientOptions & { protocol: 2 }): Cluster {
  const { retryStrategy, ...node } = options;
  const { nodes, tls, ...credentials } = address;
  const cluster = new BoundedCluster([...nodes], {
    // Whatever the options say: without it the client takes a node that it is just connecting to for a lost one.
    enableOfflineQueue: true,
    clusterRetryStrategy: (attempt) => retryStrategy?.(attempt) ?? null,
    maxRedirections: REDIRECTIONS_MAX,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    scaleReads: 'master',
    redisOptions: { connectTimeout: CONNECT_TIMEOUT_MS, ...node, ...credentials, ...(tls ? { tls: {} } : {}) },
    // Certificates name hosts, not addresses.
    ...(tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
  });
  cluster.on('+node', keepAskingQuiet);
  return cluster;
}

class BoundedCluster extends Cluster {
  override sendCommand(...[command, stream, node]: Parameters<Cluster['sendCommand']>): unknown {
    const { commandTimeout } = this.options.redisOptions ?? {};
    if (commandTimeout !== undefined) command.setTimeout(commandTimeout);
    return super.sendCommand(command, stream, node);
  }

  /**
   * Only redirections are the client's. A lost connection is for the caller: the client would send the command again,
   * which may have run. So is TRYAGAIN: the client would hold the command back, and ask a node drawn by lot.
   */
  override handleError(...[error, redirections, handlers]: Parameters<Cluster['handleError']>): void {
    if (/^(MOVED|ASK) /.test(error.message)) super.handleError(error, redirections, handlers);
    else handlers.defaults();
  }
}

/**
 * The client sends ASKING before a command that it redirects, and forgets its promise: where the connection breaks just
 * then, the rejection would end the process. The command itself fails too, and its caller hears of it.
 */
function keepAskingQuiet(node: Redis): void {
  const asking = node.asking.bind(node);
  Object.assign(node, {
    asking() {
      const asked = asking();
      asked.catch(() => undefined);
      return asked;
    },
  });
}

/** The server that has this key: the only one, or the master of its slot as far as the client knows. */
export async function serverOf(redis: RedisClient, key: string): Promise<Redis> {
  if (!(redis instanceof Cluster)) return redis;
  const [address] = redis.slots[Number(await redis.cluster('KEYSLOT', key))] ?? [];
  const node = redis.nodes('master').find(({ options }) => `${options.host}:${options.port}` === address);
  // As a lost connection: to be asked again once the client has found the slot's new master.
  if (node === undefined) throw new Error(`no connection to the master of ${key}`);
  return node;
}
