import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../../engine/platform/assets.js';
import { type BareResult, bareResultSchema } from '../baselines/bare-job.js';
import { RoleProcess } from '../scenarios/role-process.js';
import type { Session } from '../scenarios/session.js';
import type { LimiterJob } from './limiter-job.js';
import type { Peer } from './peer.js';

const START_MS_MAX = 60_000;

interface Library {
  readonly library: LimiterJob['library'];
  readonly packageName: string;
  readonly how: string;
}

export const LIBRARIES: readonly Library[] = [
  {
    library: 'rate-limiter-flexible',
    packageName: 'rate-limiter-flexible',
    how: 'behind the bare server, on the same Redis; it has no token bucket: two fixed windows, a second and a month, by RateLimiterUnion',
  },
  {
    library: 'upstash',
    packageName: '@upstash/ratelimit',
    how: 'its own Lua behind the bare server, on the same Redis instead of over HTTP at Upstash; a token bucket and a fixed window of a month, asked at once',
  },
];

/** Starts the bare server with a library behind it, on the stack's own Redis. */
export async function startLibrary({ library, packageName, how }: Library, session: Session): Promise<Peer> {
  const server = new RoleProcess<LimiterJob, BareResult>('limiter', bareResultSchema);
  const { catalog, processes, stack } = session.target;
  try {
    const job = { library, redisUrl: stack.urls().redis, dry: catalog.dry, dryQuota: catalog.dryQuota };
    const { port } = await server.run(job, START_MS_MAX);
    return {
      name: `${packageName} ${versionOf(packageName)}`,
      how,
      elsewhere: { baseUrl: `http://127.0.0.1:${port}`, dialect: 'limiter' },
      processes: [{ name: 'server', pid: () => server.pid }, ...processes.filter(({ name }) => name === 'redis')],
      redisCalls: 'functions',
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function versionOf(packageName: string): string {
  const path = join(packageRoot(), 'node_modules', packageName, 'package.json');
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, 'utf8'))).version;
}
