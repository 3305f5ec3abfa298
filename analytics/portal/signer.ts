import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { idSchema } from '../../engine/index.js';

/** Longest token that is looked at: an id of 256 characters of up to four bytes, in base64url. */
const TOKEN_CHARS_MAX = 4_096;
const TOKEN = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;

const claimsSchema = z.strictObject({ customer: idSchema, expiresAtMs: z.int().min(0), nonce: z.string() });
export type PortalClaims = Pick<z.output<typeof claimsSchema>, 'customer' | 'expiresAtMs'>;

/** What a token is for: a link is no session, and a session no link. */
export type TokenUse = 'link' | 'session';

/**
 * Tokens that name one customer until an instant: base64url of the claims, a dot, base64url of HMAC-SHA-256 over the use
 * and the claims (RFC 2104). Nothing is kept: whoever has the key can tell, whichever process it is.
 */
export class PortalSigner {
  readonly #key: () => Buffer | undefined;
  readonly #nowMs: () => number;

  /** @param key undefined until it is there; then no token holds. */
  constructor(key: () => Buffer | undefined, nowMs: () => number = Date.now) {
    this.#key = key;
    this.#nowMs = nowMs;
  }

  get nowMs(): number {
    return this.#nowMs();
  }

  /** @throws Error when the key is not there yet. */
  sign(use: TokenUse, { customer, expiresAtMs }: PortalClaims): string {
    const key = this.#key();
    if (key === undefined) throw new Error('the key of the portal is not there yet');
    const nonce = randomBytes(9).toString('base64url');
    const claims = Buffer.from(JSON.stringify({ customer, expiresAtMs, nonce })).toString('base64url');
    return `${claims}.${signatureOf(key, use, claims).toString('base64url')}`;
  }

  /** What a token says; undefined for one that is not ours, for another use, or over. */
  read(use: TokenUse, token: string): PortalClaims | undefined {
    const key = this.#key();
    const [, claims = '', signature = ''] = (token.length <= TOKEN_CHARS_MAX && TOKEN.exec(token)) || [];
    if (key === undefined || claims === '') return undefined;
    const given = Buffer.from(signature, 'base64url');
    const right = signatureOf(key, use, claims);
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    const { customer, expiresAtMs } = claimsSchema.parse(JSON.parse(Buffer.from(claims, 'base64url').toString()));
    return expiresAtMs > this.#nowMs() ? { customer, expiresAtMs } : undefined;
  }
}

const signatureOf = (key: Buffer, use: TokenUse, claims: string): Buffer =>
  createHmac('sha256', key).update(`weir portal ${use}\0${claims}`).digest();
