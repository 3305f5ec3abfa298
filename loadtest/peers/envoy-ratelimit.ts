import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../harness/child.js';
import { buildGoProgram } from '../harness/go.js';
import { freePorts } from '../harness/ports.js';
import type { Session } from '../scenarios/session.js';
import { started } from './gubernator.js';
import type { Peer } from './peer.js';

/** It has no releases: a commit of its main branch. */
const PROGRAM = {
  module: 'github.com/envoyproxy/ratelimit',
  version: 'v1.4.1-0.20260122083618-3fb702589d36',
  main: { folder: 'src/service_cmd' },
};
/** Of the commit, at the end of such a version. */
const COMMIT_CHARS = 12;
/** Its numbers have 32 bits. */
const AMPLE = 4_000_000_000;

/** envoyproxy/ratelimit on the stack's own Redis. @throws Error with the reason where it does not build or start. */
export async function startEnvoyRatelimit(session: Session): Promise<Peer> {
  const path = await buildGoProgram(PROGRAM);
  const { catalog, processes, stack } = session.target;
  const folder = await mkdtemp(join(tmpdir(), 'weir-ratelimit-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  const [port = 0, grpcPort = 0, debugPort = 0] = await freePorts(3);
  const redis = new URL(stack.urls().redis);
  try {
    await mkdir(join(folder, 'config'));
    await writeFile(join(folder, 'config', 'weir.yaml'), configuration(catalog.dry, catalog.dryQuota));
    const child = await startChild(path, [], {
      env: {
        HOST: '127.0.0.1',
        PORT: String(port),
        GRPC_HOST: '127.0.0.1',
        GRPC_PORT: String(grpcPort),
        DEBUG_HOST: '127.0.0.1',
        DEBUG_PORT: String(debugPort),
        RUNTIME_ROOT: folder,
        RUNTIME_WATCH_ROOT: 'false',
        REDIS_SOCKET_TYPE: 'tcp',
        REDIS_URL: redis.host,
        REDIS_AUTH: decodeURIComponent(redis.password),
        USE_STATSD: 'false',
        LOG_LEVEL: 'error',
      },
    });
    await started(child, `http://127.0.0.1:${port}/healthcheck`);
    return {
      name: `envoyproxy/ratelimit ${PROGRAM.version.slice(-COMMIT_CHARS)}`,
      how: 'by its HTTP endpoint /json, on the same Redis; it has no token bucket: two fixed windows, a second and a month, as two descriptors of one request; its defaults else',
      elsewhere: { baseUrl: `http://127.0.0.1:${port}`, dialect: 'ratelimit' },
      processes: [{ name: 'ratelimit', pid: () => child.pid }, ...processes.filter(({ name }) => name === 'redis')],
      redisCalls: 'commands',
      async stop() {
        await child.stop();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

/** JSON, which every YAML reader takes. */
function configuration(dry: string, dryQuota: number): string {
  const limit = (unit: string, most: number) => ({ rate_limit: { unit, requests_per_unit: most } });
  return JSON.stringify({
    domain: 'weir',
    descriptors: [
      { key: 'burst', ...limit('second', AMPLE) },
      { key: 'quota', ...limit('month', AMPLE) },
      { key: 'quota', value: dry, ...limit('month', dryQuota) },
    ],
  });
}
