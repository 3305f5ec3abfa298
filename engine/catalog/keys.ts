import { randomBytes } from 'node:crypto';
import { type ApiKey, apiKeySchema } from '../contract/catalog.js';
import { isId } from '../contract/ids.js';
import { sha256Hex } from './canonical.js';
import { parseStoredBody } from './objects.js';
import { problemsOf, requestRefusal } from './problems.js';
import type { CatalogRegistry, Page, PageOptions } from './registry.js';

const KEY_PREFIX = 'weir_';
const KEY_BYTES = 32;
const ID_BYTES = 9;

/** A key as it is shown: without its hash. */
export type KeyInfo = Omit<ApiKey, 'hash'>;

/** What a key may do: scopes, and a customer where it serves that one only. */
export const keyRequestSchema = apiKeySchema.omit({ id: true, hash: true, createdAt: true });

export interface PutKey {
  readonly info: KeyInfo;
  /** The raw key, when it was made by this call: nobody can show it again. */
  readonly key: string | undefined;
  readonly version: number;
}

/**
 * API keys. Only the SHA-256 of a key is stored: with 256 random bits a slow hash would protect nothing more. A key is
 * an object of the catalog, so that making and revoking one is a version with a fence: in force everywhere when answered.
 */
export class KeyService {
  readonly #registry: CatalogRegistry;

  constructor(registry: CatalogRegistry) {
    this.#registry = registry;
  }

  /**
   * Makes a key under an id of its own.
   * @param request `{ name?, scopes, customer? }`.
   * @throws WeirError `invalid_request`, `unknown_field`, `invalid_catalog` for an unknown customer.
   */
  async create(request: unknown, actor: string): Promise<PutKey & { readonly key: string }> {
    const made = await this.put(`key_${randomBytes(ID_BYTES).toString('base64url')}`, request, actor);
    if (made.key === undefined) throw new Error('a new key had an id that exists');
    return { ...made, key: made.key };
  }

  /**
   * Makes a key under this id, or changes name, scopes and customer of the one there is; it stays the same key.
   * @throws WeirError as `create`, `id_conflict` when another call changed the key meanwhile.
   */
  async put(id: string, request: unknown, actor: string): Promise<PutKey> {
    const asked = keyRequestSchema.safeParse(request);
    if (!asked.success) throw requestRefusal(problemsOf(asked.error.issues));
    if (!isId(id)) throw requestRefusal([{ path: ['id'], message: 'is not a valid id' }]);
    const now = await this.#registry.getObject('key', id);
    const known = now === undefined ? undefined : parseStoredBody('key', now.body);
    const key = known === undefined ? KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url') : undefined;
    const { nowMs } = await this.#registry.store.head();
    const secret = {
      id,
      hash: known?.hash ?? sha256Hex(key ?? ''),
      createdAt: known?.createdAt ?? new Date(nowMs).toISOString(),
    };
    const body = { ...asked.data, ...secret };
    const author = { owner: 'api', actor };
    const { version } = await this.#registry.putBody({ type: 'key', id, body }, author, now?.version ?? null);
    return { info: shown(body), key, version };
  }

  /** @returns undefined when there is no such key. */
  async get(id: string): Promise<KeyInfo | undefined> {
    const stored = await this.#registry.getObject('key', id);
    return stored === undefined ? undefined : shown(parseStoredBody('key', stored.body));
  }

  /** Keys by the order of their ids. */
  async list(options: PageOptions = {}): Promise<Page<KeyInfo>> {
    const { objects, cursor } = await this.#registry.listObjects('key', options);
    return { objects: objects.map(({ body }) => shown(parseStoredBody('key', body))), cursor };
  }

  /** Once it resolves no gateway takes the key any more. @throws WeirError `not_found`. */
  async revoke(id: string, actor: string): Promise<{ readonly version: number }> {
    return await this.#registry.deleteObject('key', id, { owner: 'api', actor });
  }
}

function shown({ hash: _, ...info }: ApiKey): KeyInfo {
  return info;
}
