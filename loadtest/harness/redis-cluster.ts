import { Redis } from 'ioredis';
import { agreeOnMaster, takingOver } from '../../engine/simulate/servers.js';
import { PASSWORD, type Service, startRedis } from './services.js';
import { waitFor } from './wait-for.js';

const MASTERS = 3;
const SLOTS = 16_384;
/** A master that is silent for so long is failed over: the shorter, the sooner a busy machine takes the living for dead. */
const NODE_TIMEOUT_MS = 2_000;
/** For clusters in which nothing takes over: a busy machine then takes no node for dead. */
export const PATIENT_NODE_TIMEOUT_MS = 15_000;
const START_MS_MAX = 30_000;
const SETTLE_MS_MAX = 30_000;
/** Keys of one MIGRATE. */
const MOVED_KEYS_MAX = 20;

/** One redis-server of a cluster, with a connection of the test's own. */
export interface ClusterMember {
  readonly service: Service;
  readonly redis: Redis;
  /** As the cluster knows it. */
  readonly id: string;
}

/** How often the nodes have answered with these errors since their start. */
export interface ClusterErrors {
  readonly moved: number;
  readonly ask: number;
  readonly tryAgain: number;
}

/** A private Redis Cluster: three masters with a replica each. */
export class RedisCluster {
  readonly members: readonly ClusterMember[];

  /** For `startRedisCluster`. */
  constructor(members: readonly ClusterMember[]) {
    this.members = members;
  }

  /** As `REDIS_URL` takes it. */
  get url(): string {
    const nodes = this.members.map(({ service }) => `127.0.0.1:${service.port}`);
    return `redis+cluster://:${PASSWORD}@${nodes.join(',')}`;
  }

  /** Makes one cluster of the servers; resolves when it takes commands and every replica follows its master. */
  async join(): Promise<void> {
    const masters = this.members.slice(0, MASTERS);
    await Promise.all(
      this.members.map(async ({ redis }, index) => {
        await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
        if (index >= MASTERS) return;
        const from = Math.floor((index * SLOTS) / MASTERS);
        await redis.call('CLUSTER', 'ADDSLOTSRANGE', from, Math.floor(((index + 1) * SLOTS) / MASTERS) - 1);
      }),
    );
    const [first, ...others] = this.members;
    for (const { service } of others) {
      await first?.redis.call('CLUSTER', 'MEET', '127.0.0.1', service.port, busPortOf(service.port));
    }
    await this.#settled('all nodes to know each other', /cluster_known_nodes:6/);
    for (const [index, { id }] of masters.entries()) {
      await this.members[MASTERS + index]?.redis.call('CLUSTER', 'REPLICATE', id);
    }
    await this.#settled('the cluster to take commands', /cluster_state:ok/);
    await this.replicated();
  }

  async #settled(what: string, state: RegExp): Promise<void> {
    await waitFor(
      async () => {
        const infos = await Promise.all(this.members.map(({ redis }) => redis.call('CLUSTER', 'INFO')));
        return infos.every((info) => state.test(String(info)));
      },
      { timeoutMs: START_MS_MAX, what },
    );
  }

  /** Waits until every living node is a master, or a replica that follows one; and until each master has a replica. */
  async replicated(): Promise<void> {
    await waitFor(
      async () => {
        const infos = await Promise.all(this.#living().map(({ redis }) => redis.info('replication')));
        const masters = infos.filter((info) => info.includes('role:master'));
        return (
          masters.length === MASTERS &&
          masters.every((info) => /connected_slaves:[1-9]/.test(info)) &&
          infos.every((info) => info.includes('role:master') || info.includes('master_link_status:up'))
        );
      },
      { timeoutMs: SETTLE_MS_MAX, what: 'every replica to follow its master' },
    );
  }

  #living(): ClusterMember[] {
    return this.members.filter(({ redis }) => redis.status === 'ready');
  }

  /** The masters now, as a living node knows them. */
  async masters(): Promise<ClusterMember[]> {
    const roles = await Promise.all(
      this.#living().map(async (member) => ({ member, role: await member.redis.role() })),
    );
    return roles.filter(({ role }) => role[0] === 'master').map(({ member }) => member);
  }

  /** The master of a key's slot. @throws Error while it has none. */
  async masterOf(key: string): Promise<ClusterMember> {
    for (const member of await this.masters()) {
      const slot = Number(await member.redis.cluster('KEYSLOT', key));
      for (const [from, to, node] of await member.redis.cluster('SLOTS')) {
        if (slot < Number(from) || slot > Number(to)) continue;
        const found = this.members.find(({ id }) => id === String(node?.[2]));
        if (found !== undefined && found.redis.status === 'ready') return found;
      }
    }
    throw new Error(`no master of ${key}`);
  }

  /** A replica of a master; right after a failover it is waited for, since nodes learn from each other by and by. */
  async replicaOf(master: ClusterMember): Promise<ClusterMember> {
    let replica: ClusterMember | undefined;
    await waitFor(
      async () => {
        const lines = String(await master.redis.call('CLUSTER', 'NODES')).split('\n');
        const id = lines.find((line) => line.includes(` ${master.id} `) && line.includes('slave'))?.split(' ')[0];
        replica = this.#living().find((member) => member.id === id);
        return replica !== undefined;
      },
      { timeoutMs: SETTLE_MS_MAX, what: `${master.id} to have a replica` },
    );
    if (replica === undefined) throw new Error(`${master.id} has no replica`);
    return replica;
  }

  /** Lets a replica take over, losing nothing; resolves when every node takes it for the master. */
  async failover(master: ClusterMember): Promise<void> {
    const replica = await this.replicaOf(master);
    await this.#promote(replica);
    const nodes = this.members.map(({ redis }) => redis);
    await waitFor(() => agreeOnMaster(nodes, replica.redis), {
      timeoutMs: SETTLE_MS_MAX,
      what: 'every node to know the new master',
    });
  }

  /** Lets the replica of a dead master take over, as an operator does whose cluster cannot agree on it. */
  async takeOver(replica: ClusterMember): Promise<void> {
    await this.#promote(replica, 'TAKEOVER');
  }

  async #promote(replica: ClusterMember, ...how: string[]): Promise<void> {
    await waitFor(takingOver(replica.redis, ...how), { timeoutMs: SETTLE_MS_MAX, what: 'the replica to take over' });
  }

  /**
   * Moves the slot of a key, as `redis-cli --cluster reshard` does. `partly` runs each time that some keys more have
   * moved, `moved` when all are at the new master and the cluster does not know yet.
   */
  async moveSlot(
    key: string,
    to: ClusterMember,
    { partly, moved }: { readonly partly: () => Promise<void>; readonly moved: () => Promise<void> },
  ): Promise<void> {
    const from = await this.masterOf(key);
    const slot = Number(await from.redis.cluster('KEYSLOT', key));
    await to.redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
    await from.redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
    for (;;) {
      const keys = await from.redis.callBuffer('CLUSTER', 'GETKEYSINSLOT', slot, MOVED_KEYS_MAX);
      if (!Array.isArray(keys) || keys.length === 0) break;
      const where = ['127.0.0.1', to.service.port, '', 0, 5_000, 'AUTH', PASSWORD];
      await from.redis.call('MIGRATE', ...where, 'KEYS', ...keys);
      await partly();
    }
    await moved();
    for (const { redis } of [to, from, ...(await this.masters())]) {
      await redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
    }
  }

  async errors(): Promise<ClusterErrors> {
    const infos = await Promise.all(this.#living().map(({ redis }) => redis.info('errorstats')));
    const sum = (code: string): number =>
      infos.reduce(
        (total, info) => total + Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(info)?.[1] ?? 0),
        0,
      );
    return { moved: sum('MOVED'), ask: sum('ASK'), tryAgain: sum('TRYAGAIN') };
  }

  /** Cuts the connections of this name at every node. */
  async cut(name: string): Promise<void> {
    await Promise.all(
      this.#living().map(async ({ redis }) => {
        const clients = String(await redis.call('CLIENT', 'LIST')).split('\n');
        const ids = clients
          .filter((line) => line.includes(` name=${name} `))
          .flatMap((line) => /^id=(\d+)/.exec(line)?.[1] ?? []);
        for (const id of ids) await redis.call('CLIENT', 'KILL', 'ID', id);
      }),
    );
  }

  /** Empties every master. */
  async flush(): Promise<void> {
    for (const { redis } of await this.masters()) await redis.flushall();
  }

  async stop(): Promise<void> {
    for (const { redis } of this.members) redis.disconnect();
    // Not by SIGTERM: a master then waits for its replicas, which are ending too.
    await Promise.all(
      this.members.map(async ({ service }) => {
        await service.kill('SIGKILL');
        await service.stop();
      }),
    );
  }
}

/**
 * Starts the servers and makes them a cluster.
 * @param nodeTimeoutMs after which a node that says nothing is replaced.
 */
export async function startRedisCluster(nodeTimeoutMs = NODE_TIMEOUT_MS): Promise<RedisCluster> {
  const settings = (port: number) => nodeSettings(port, nodeTimeoutMs);
  const services = await Promise.all(
    Array.from({ length: 2 * MASTERS }, () => startRedis({ appendonly: true, settings })),
  );
  const cluster = new RedisCluster(await Promise.all(services.map(memberOf)));
  try {
    await cluster.join();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** Below the ports that connections are given, which may take one at any time. */
const busPortOf = (port: number): number => port - 28_300;

function nodeSettings(port: number, nodeTimeoutMs: number): string[] {
  return [
    'cluster-enabled yes',
    `cluster-port ${busPortOf(port)}`,
    `cluster-node-timeout ${nodeTimeoutMs}`,
    'cluster-replica-validity-factor 0',
    `masterauth ${PASSWORD}`,
    'repl-diskless-sync-delay 0',
  ];
}

async function memberOf(service: Service): Promise<ClusterMember> {
  const redis = new Redis(service.url, { retryStrategy: () => 100, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  return { service, redis, id: String(await redis.call('CLUSTER', 'MYID')) };
}
