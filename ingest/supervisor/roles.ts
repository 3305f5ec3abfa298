import { join } from 'node:path';
import { type Config, configEnvironment } from '../../engine/platform/config.js';
import { HEAP_FLAGS } from '../../engine/platform/heap.js';
import { processName } from '../../engine/platform/supervised.js';
import type { ProcessSpec } from './managed-process.js';

/** A process of ours gets this long to reach Redis, load the catalog, open the ledger. */
const READY_MS_MAX = 60_000;
/** More than the drain of a process may take by itself (engine/platform/shutdown.ts). */
const STOP_MS_MAX = 12_000;

export type Role = 'gateway' | 'relay' | 'control';

/** Compiled main modules by role, relative to the folder of the build. */
export const ROLE_MAINS: Readonly<Record<Role, string>> = {
  gateway: 'ingest/gateway/main.js',
  relay: 'ingest/relay/main.js',
  // Sink and control plane share a process, since the embedded ClickHouse is one per process.
  control: 'analytics/main.js',
};

/** Where the roles' modules are; tests bring their own. */
export interface Build {
  readonly folder: string;
  readonly mains: Readonly<Record<Role, string>>;
}

/**
 * How to run a role. Settings, credentials among them, go by the environment, which only the user and root can read;
 * the process list shows the role alone.
 *
 * @param environment the supervisor's own, whose other variables (PATH, NODE_OPTIONS, TZ) are passed on
 * @param config with the URLs of the services in use
 */
export function roleSpec(
  role: Role,
  gatewayIndex: number,
  build: Build,
  config: Config,
  environment: NodeJS.ProcessEnv,
): ProcessSpec {
  return {
    name: processName(role, gatewayIndex),
    program: process.execPath,
    args: [...HEAP_FLAGS, '--enable-source-maps', join(build.folder, build.mains[role])],
    env: { ...environment, ...configEnvironment({ ...config, role, gatewayIndex }) },
    readyMsMax: READY_MS_MAX,
    stopMsMax: STOP_MS_MAX,
  };
}
