/** The catalog: its only writer, a gateway's view of it, its sources, and the API keys. */
export {
  type CatalogLog,
  type CatalogViewOptions,
  openCatalogView,
  type RedisCatalogView,
} from './cache.js';
export { SECTIONS, type SourcedType } from './diff.js';
export { type CatalogFault, type ParsedCatalog, parseCatalog } from './document.js';
export { type KeyInfo, KeyService, type PutKey } from './keys.js';
export { connectRedis, isRedisAway, type RedisClient, type RedisTarget } from './redis.js';
export {
  type ApplyOutcome,
  type Author,
  CatalogRegistry,
  type IdentifiedObject,
  type Initialised,
  type Page,
  type PageOptions,
  type WrittenObject,
} from './registry.js';
export type { LostCatalog, LostObject } from './restore.js';
export { FILE_OWNER, type FileLooks, type FileOutcome, FileSource, type FileSourceOptions } from './sources/file.js';
export type { ObjectChange } from './stored.js';
export type * from './types.js';
