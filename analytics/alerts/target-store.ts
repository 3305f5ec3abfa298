import type { KV } from 'nats';
import { ALERT_TARGETS_BUCKET } from '../../engine/contract/subjects.js';
import { WeirError } from '../../engine/index.js';
import type { Logger } from '../../engine/platform/log.js';
import { isMoved } from './streams.js';
import { type Target, targetSchema } from './target.js';

export const TARGETS_MAX = 500;

interface Entry {
  readonly target: Target;
  readonly revision: number;
}

/**
 * Where alerts go, in a key-value bucket of NATS: neither in the catalog, whose changes are the audit trail, nor in
 * ClickHouse, whose logs keep every query (docs/decisions). All of them in memory; a watch keeps that up to date.
 */
export class TargetStore {
  readonly #kv: KV;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #entries = new Map<string, Entry>();
  #close: () => void = () => undefined;

  private constructor(kv: KV, log: Pick<Logger, 'warn'>) {
    this.#kv = kv;
    this.#log = log;
  }

  /** @param kv of the bucket; made where it does not exist. */
  static async open(kv: KV, log: Pick<Logger, 'warn'>): Promise<TargetStore> {
    const store = new TargetStore(kv, log);
    const watch = await kv.watch();
    store.#close = () => watch.stop();
    void (async () => {
      for await (const entry of watch) store.#take(entry);
    })();
    // The watch tells of what was there before by and by: whoever asks now must not miss it.
    for await (const key of await kv.keys()) {
      const entry = await kv.get(key);
      if (entry !== null) store.#take(entry);
    }
    return store;
  }

  get(id: string): Target | undefined {
    return this.#entries.get(keyOf(id))?.target;
  }

  /** By id. */
  all(): Target[] {
    return [...this.#entries.values()].map(({ target }) => target).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /**
   * Changes a target, or makes it.
   * @param change of the target as it is; undefined when there is none. May be called again.
   * @throws WeirError too_many_items; whatever `change` throws; NatsError.
   */
  async change<T extends { readonly target: Target }>(
    id: string,
    change: (before: Target | undefined) => T,
  ): Promise<T> {
    const key = keyOf(id);
    for (;;) {
      const known = this.#entries.get(key);
      if (known === undefined && this.#entries.size >= TARGETS_MAX) {
        throw new WeirError('too_many_items', `at most ${TARGETS_MAX} targets`);
      }
      const changed = change(known?.target);
      try {
        const bytes = Buffer.from(JSON.stringify(changed.target));
        const revision = await this.#kv.put(key, bytes, { previousSeq: known?.revision ?? (await this.#gone(key)) });
        this.#entries.set(key, { target: changed.target, revision });
        return changed;
      } catch (error) {
        if (!isMoved(error)) throw error;
        // Another has changed it since: once more, by what is there now.
        const entry = await this.#kv.get(key);
        if (entry === null) this.#entries.delete(key);
        else this.#take(entry);
      }
    }
  }

  /** @returns false where there was none. */
  async delete(id: string): Promise<boolean> {
    const key = keyOf(id);
    const there = this.#entries.delete(key);
    if (there) await this.#kv.purge(key);
    return there;
  }

  close(): void {
    this.#close();
  }

  /** The revision of a deleted entry's mark; 0 where there is none. */
  async #gone(key: string): Promise<number> {
    return (await this.#kv.get(key))?.revision ?? 0;
  }

  #take({ key, value, operation, revision }: { key: string; value: Uint8Array; operation: string; revision: number }) {
    const known = this.#entries.get(key);
    if (known !== undefined && known.revision >= revision) return;
    if (operation !== 'PUT') {
      this.#entries.delete(key);
      return;
    }
    const target = readTarget(value);
    if (target === undefined) this.#log.warn({ key }, 'an alert target cannot be read: it gets no alerts');
    else this.#entries.set(key, { target, revision });
  }
}

function readTarget(value: Uint8Array): Target | undefined {
  try {
    return targetSchema.parse(JSON.parse(Buffer.from(value).toString('utf8')));
  } catch {
    return undefined;
  }
}

/** Ids may have characters that keys of a bucket may not. */
const keyOf = (id: string): string => Buffer.from(id).toString('base64url');

/** @throws NatsError */
export async function openTargets(
  views: { kv(name: string, options?: object): Promise<KV> },
  log: Pick<Logger, 'warn'>,
): Promise<TargetStore> {
  const kv = await views.kv(ALERT_TARGETS_BUCKET, { history: 1, max_bytes: 16 * 1024 ** 2 });
  return await TargetStore.open(kv, log);
}
