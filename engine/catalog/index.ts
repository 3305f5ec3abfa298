/** The catalog: its only writer, a gateway's view of it, its sources, and the API keys. */
export {
  type CatalogLog,
  type CatalogViewOptions,
  openCatalogView,
  type RedisCatalogView,
} from './cache.js';
export { type CatalogFault, type ParsedCatalog, parseCatalog } from './document.js';
export { connectRedis, type RedisTarget } from './redis.js';
export { type ApplyOutcome, type Author, CatalogRegistry, type Initialised } from './registry.js';
export type { ObjectChange } from './stored.js';
export type * from './types.js';
