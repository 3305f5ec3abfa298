import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { ApiKey } from '../../engine/index.js';

/** A session ends after this time, whatever it does. */
export const SESSION_MS_MAX = 12 * 60 * 60 * 1000;
/** … and after this time without a request. */
export const SESSION_IDLE_MS_MAX = 60 * 60 * 1000;
/** Sessions at once; past it the oldest one of the same key makes room, else the oldest of all. */
export const SESSIONS_MAX = 10_000;

const ID_BYTES = 32;
const IV_BYTES = 12;
const CIPHER = 'aes-256-gcm';

interface Session {
  readonly keyId: string;
  /** The raw key under a key made of the session's id, which only the browser has. */
  readonly sealed: Sealed;
  readonly endsAtMs: number;
  lastSeenMs: number;
}

interface Sealed {
  readonly iv: Buffer;
  readonly bytes: Buffer;
  readonly tag: Buffer;
}

/** A session that was just opened: `id` is shown this once, and kept nowhere. */
export interface OpenedSession {
  readonly id: string;
  readonly expiresAtMs: number;
}

/** A living session with its key as the catalog has it now. */
export interface LiveSession {
  readonly key: ApiKey;
  readonly expiresAtMs: number;
}

/**
 * The console's sessions, in memory: a restart signs everybody out, which costs a paste.
 *
 * A session is worth what its key is worth at that moment: the key is looked up again on every request, so that a
 * revoked one, or one with fewer scopes, tells at once. The look-up takes the raw key, which is kept sealed: its seal is
 * the session's id, and of that we keep a digest only, so memory alone opens nothing.
 */
export class SessionStore {
  readonly #findKey: (rawKey: string) => ApiKey | undefined;
  readonly #nowMs: () => number;
  /** By the digest of the id; in order of age. */
  readonly #sessions = new Map<string, Session>();

  /** @param findKey the edge's look-up, the operator's key included; undefined for a key that is unknown or revoked. */
  constructor(findKey: (rawKey: string) => ApiKey | undefined, nowMs: () => number = Date.now) {
    this.#findKey = findKey;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Opens a session for a key that the edge has just accepted. */
  open(rawKey: string, key: ApiKey): OpenedSession {
    if (this.#sessions.size >= SESSIONS_MAX) this.#makeRoom(key.id);
    const id = randomBytes(ID_BYTES).toString('base64url');
    const lastSeenMs = this.#nowMs();
    const endsAtMs = lastSeenMs + SESSION_MS_MAX;
    this.#sessions.set(nameOf(id), { keyId: key.id, sealed: seal(id, rawKey), endsAtMs, lastSeenMs });
    return { id, expiresAtMs: endsAtMs };
  }

  /** The session of this id; undefined when there is none, it has ended, or its key is no longer taken. */
  find(id: string): LiveSession | undefined {
    const name = nameOf(id);
    const session = this.#sessions.get(name);
    if (session === undefined) return undefined;
    const nowMs = this.#nowMs();
    const key = isOver(session, nowMs) ? undefined : this.#findKey(unseal(id, session.sealed));
    // The same secret under another id is another key: whoever signed in is not who this would be.
    if (key === undefined || key.id !== session.keyId) {
      this.#sessions.delete(name);
      return undefined;
    }
    session.lastSeenMs = nowMs;
    return { key, expiresAtMs: session.endsAtMs };
  }

  close(id: string): void {
    this.#sessions.delete(nameOf(id));
  }

  #makeRoom(keyId: string): void {
    const nowMs = this.#nowMs();
    for (const [name, session] of this.#sessions) if (isOver(session, nowMs)) this.#sessions.delete(name);
    if (this.#sessions.size < SESSIONS_MAX) return;
    let oldest: string | undefined;
    for (const [name, session] of this.#sessions) {
      oldest ??= name;
      if (session.keyId !== keyId) continue;
      oldest = name;
      break;
    }
    if (oldest !== undefined) this.#sessions.delete(oldest);
  }
}

function isOver(session: Session, nowMs: number): boolean {
  return nowMs >= session.endsAtMs || nowMs - session.lastSeenMs >= SESSION_IDLE_MS_MAX;
}

const digestOf = (purpose: string, id: string): Buffer => createHash('sha256').update(`${purpose}\0${id}`).digest();

const nameOf = (id: string): string => digestOf('weir console session name', id).toString('base64');
const sealOf = (id: string): Buffer => digestOf('weir console session seal', id);

function seal(id: string, text: string): Sealed {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, sealOf(id), iv);
  const bytes = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return { iv, bytes, tag: cipher.getAuthTag() };
}

function unseal(id: string, { iv, bytes, tag }: Sealed): string {
  const decipher = createDecipheriv(CIPHER, sealOf(id), iv);
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(bytes), decipher.final()]).toString('utf8');
}
