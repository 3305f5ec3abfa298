import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { assetPath } from '../../engine/platform/assets.js';
import type { Config } from '../../engine/platform/config.js';
import type { Logger } from '../../engine/platform/log.js';
import { Home, writePrivateFile } from './home.js';
import { lockHome } from './home-lock.js';
import { ManagedProcess, type ProcessSpec } from './managed-process.js';
import { stopOrphans } from './orphans.js';
import { assertPortIsFree, httpUrl } from './ports.js';
import { ProcessList } from './process-list.js';
import { type Build, roleSpec } from './roles.js';
import { SAMPLE_CATALOG, sampleCatalogFile } from './sample/sample.js';
import { type PrivateService, privateNats, privateRedis } from './services.js';

/** A port found free may be taken before the service binds it. */
const SERVICE_ATTEMPTS_MAX = 3;

export interface SupervisorOptions {
  readonly config: Config;
  /** The environment to pass on: the main's `process.env`. */
  readonly environment: NodeJS.ProcessEnv;
  readonly build: Build;
  readonly log: Logger;
}

/** Everything `npm start` runs: services first, then our processes; stopped the other way round. */
export class Supervisor {
  readonly home: Home;
  readonly #options: SupervisorOptions;
  readonly #list: ProcessList;
  readonly #unlock: () => void;
  /** In the order they were started, by tier: a tier is stopped together, before the tier it rests on. */
  readonly #tiers: ManagedProcess[][] = [];
  #stopped: Promise<void> | undefined;

  /** Takes WEIR_HOME. @throws HomeInUseError */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.home = new Home(options.config.home);
    this.#unlock = lockHome(this.home.lockFile);
    this.#list = new ProcessList(this.home.runFolder);
  }

  /**
   * Starts everything and resolves when all of it can do its job.
   *
   * @returns the settings in force: with the URLs of private services, the catalog's path and the admin key
   * @throws Error with what to do; the caller then calls `stop`
   */
  async start(): Promise<Config> {
    const { config, log } = this.#options;
    await stopOrphans(this.#list, log);
    this.#list.add('supervisor', process.pid);
    await assertPortIsFree('WEIR_PORT', config.host, config.port);
    await assertPortIsFree('WEIR_CONSOLE_PORT', config.host, config.consolePort);
    const settled = {
      ...config,
      adminKey: config.adminKey ?? this.home.adminKey(),
      catalog: catalogPath(config, this.home),
    };

    // Tiers from the bottom up: Redis outlives NATS, and both outlive our processes.
    const redisUrl = config.redisUrl ?? (await this.#startService(() => this.#redis(settled)));
    const natsUrl = config.natsUrl ?? (await this.#startService(() => this.#nats()));
    const running: Config = { ...settled, redisUrl, natsUrl };
    this.#writeUrls(running);

    const { build, environment } = this.#options;
    const gateways = Array.from({ length: config.gateways }, (_, index) =>
      roleSpec('gateway', index, build, running, environment),
    );
    const tiers = [
      [roleSpec('control', 0, build, running, environment)],
      [roleSpec('relay', 0, build, running, environment)],
      gateways,
    ].map((specs) => this.#tier(specs));
    await startAll(tiers.flat());
    return running;
  }

  /** Names of what was started and is not ready yet. */
  waitingFor(): string[] {
    return this.#tiers
      .flat()
      .filter((managed) => !managed.ready)
      .map((managed) => managed.spec.name);
  }

  /** Stops everything, last started first, and gives WEIR_HOME back. Resolves when nothing runs. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Kills everything at once; a `stop` under way then ends soon. Acknowledged usage survives it, as any process's death. */
  kill(): void {
    for (const managed of this.#tiers.flat()) managed.kill();
  }

  async #stop(): Promise<void> {
    for (const tier of [...this.#tiers].reverse()) await Promise.all(tier.map((managed) => managed.stop()));
    for (const name of ['urls.json', 'redis.conf', 'nats.conf']) {
      rmSync(join(this.home.runFolder, name), { force: true });
    }
    this.#list.remove('supervisor');
    this.#unlock();
  }

  #redis(config: Config): Promise<PrivateService> {
    return privateRedis(this.home, config, this.#options.environment.PATH ?? '');
  }

  #nats(): Promise<PrivateService> {
    return privateNats(this.home, this.#options.environment.PATH ?? '');
  }

  async #startService(make: () => Promise<PrivateService>): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const { url, spec } = await make();
      const tier = this.#tier([spec]);
      try {
        await startAll(tier);
        return url;
      } catch (error) {
        if (attempt === SERVICE_ATTEMPTS_MAX || this.#stopped !== undefined) throw error;
        this.#options.log.warn({ name: spec.name, attempt }, 'it did not start: trying another port');
        this.#tiers.pop();
      }
    }
  }

  #tier(specs: readonly ProcessSpec[]): ManagedProcess[] {
    if (this.#stopped !== undefined) throw new Error('stopped while starting');
    const tier = specs.map((spec) => new ManagedProcess(spec, this.#list, this.#options.log));
    this.#tiers.push(tier);
    return tier;
  }

  #writeUrls(config: Config): void {
    const urls = {
      dataPlane: httpUrl(config.host, config.port),
      console: httpUrl(config.host, config.consolePort),
      redis: config.redisUrl,
      nats: config.natsUrl,
      /** null: the embedded one, which has no URL. */
      clickhouse: config.clickhouseUrl ?? null,
    };
    writePrivateFile(this.home.urlsFile, `${JSON.stringify(urls, null, 2)}\n`);
  }
}

/** Starts all at once. @throws the first failure, at once: the rest is stopped by `stop`. */
async function startAll(processes: readonly ManagedProcess[]): Promise<void> {
  await Promise.all(processes.map((managed) => managed.start()));
}

function catalogPath(config: Config, home: Home): string {
  if (config.catalog === undefined) {
    const ofSample = sampleCatalogFile(home);
    return existsSync(ofSample) ? ofSample : assetPath(SAMPLE_CATALOG);
  }
  const path = resolve(config.catalog);
  if (!existsSync(path)) throw new Error(`WEIR_CATALOG names ${path}, which does not exist`);
  return path;
}
