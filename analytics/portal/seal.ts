import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { idSchema } from '../../engine/index.js';

/** What a seal is for: one made for links opens no session, and the reverse. */
export type SealPurpose = 'link' | 'session';

/** A customer until an instant. */
export interface Pass {
  readonly customer: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** An id has up to 256 characters of up to four bytes; JSON may escape each, and base64 adds a third. */
export const SEALED_CHARS_MAX = 4_096;

const KEY_BYTES = 32;
/** Of SHA-256, in base64url without padding. */
const SEALED = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;
const passSchema = z.tuple([idSchema, z.int().min(0)]);

/**
 * Signs passes by HMAC-SHA256. The keys are made of the operator's key by HKDF (RFC 5869), one for each purpose: they
 * survive restarts, are the same on every control plane, and end with that key; none of them leads back to it.
 */
export class Sealer {
  readonly #keys: Readonly<Record<SealPurpose, Buffer>>;
  readonly #nowMs: () => number;

  /** @param adminKey left out, the keys are random: links and sessions then end with the process. */
  constructor(adminKey: string | undefined, nowMs: () => number = Date.now) {
    const secret = adminKey ?? randomBytes(KEY_BYTES);
    this.#keys = { link: derive(secret, 'link'), session: derive(secret, 'session') };
    this.#nowMs = nowMs;
  }

  /** A pass of the customer from now on, and its sealed text: base64url and a dot, fit for a URL and a cookie. */
  seal(purpose: SealPurpose, customer: string, ttlMs: number): Pass & { readonly sealed: string } {
    const expiresAtMs = this.#nowMs() + ttlMs;
    const payload = Buffer.from(JSON.stringify([customer, expiresAtMs])).toString('base64url');
    return { customer, expiresAtMs, sealed: `${payload}.${this.#sign(purpose, payload).toString('base64url')}` };
  }

  /** The pass of a sealed text; undefined when it is none of ours, of another purpose, or over. */
  open(purpose: SealPurpose, sealed: string): Pass | undefined {
    const match = sealed.length <= SEALED_CHARS_MAX ? SEALED.exec(sealed) : null;
    if (match === null) return undefined;
    const [, payload = '', signature = ''] = match;
    // Compared as bytes in constant time; the payload is parsed only once it is known to be ours.
    if (!timingSafeEqual(this.#sign(purpose, payload), Buffer.from(signature, 'base64url'))) return undefined;
    const [customer, expiresAtMs] = passSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
    return this.#nowMs() < expiresAtMs ? { customer, expiresAtMs } : undefined;
  }

  #sign(purpose: SealPurpose, payload: string): Buffer {
    return createHmac('sha256', this.#keys[purpose]).update(payload).digest();
  }
}

const derive = (secret: string | Buffer, purpose: SealPurpose): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `weir portal ${purpose}`, KEY_BYTES));
