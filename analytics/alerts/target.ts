import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { idSchema, WeirError } from '../../engine/index.js';
import { ALERT_KINDS, type Alert } from './alert.js';

/** Values of one filter. */
const FILTER_VALUES_MAX = 1_000;
/** Old and new secret both sign for so long after a rotation. */
export const ROTATION_OVERLAP_MS = 24 * 3_600_000;
/** Secrets that sign together: more rotations wait until an earlier one is over. */
const SECRETS_MAX = 4;
/** Bytes of a secret; Standard Webhooks wants 24 to 64. */
const SECRET_BYTES = 32;

const ids = z.array(idSchema).min(1).max(FILTER_VALUES_MAX).optional();
const filterSchema = z.strictObject({
  kinds: z.array(z.enum(ALERT_KINDS)).min(1).optional(),
  plans: ids,
  customers: ids,
  features: ids,
});

const url = z.url({ protocol: /^https?$/, error: 'must be a URL such as https://example.com/weir' }).max(2_048);
/** What is said of a target by whoever makes it. */
export const targetRequestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('webhook'), url, filter: filterSchema.default({}) }),
  z.strictObject({ kind: z.literal('slack'), url, filter: filterSchema.default({}) }),
  z.strictObject({ kind: z.literal('email'), address: z.email().max(254), filter: filterSchema.default({}) }),
]);
export type TargetRequest = z.output<typeof targetRequestSchema>;

/** A secret of a webhook, as Standard Webhooks spells it: `whsec_` and base64. */
const secretSchema = z.string().regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/);

/** A target as it is kept. Never shown or logged whole: see `shownTarget`. */
export const targetSchema = z.object({
  id: idSchema,
  destination: targetRequestSchema,
  /** The newest first; several during a rotation. Empty where nothing is signed. */
  secrets: z.array(z.object({ secret: secretSchema, untilMs: z.number().nullable() })).max(SECRETS_MAX),
  updatedAt: z.string(),
  updatedBy: z.string(),
});
export type Target = z.output<typeof targetSchema>;

export const newSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

/** The secrets that sign at an instant, the newest first. */
export const secretsAt = ({ secrets }: Target, nowMs: number): string[] =>
  secrets.filter(({ untilMs }) => untilMs === null || nowMs < untilMs).map(({ secret }) => secret);

/** The same target with another secret; those before sign beside it until their overlap ends. @throws WeirError */
export function rotated(target: Target, nowMs: number): { target: Target; secret: string } {
  const [current, ...earlier] = target.secrets;
  if (current === undefined) throw new WeirError('invalid_request', 'only webhooks have a secret');
  const stillSign = earlier.filter(({ untilMs }) => untilMs !== null && nowMs < untilMs);
  if (stillSign.length + 2 > SECRETS_MAX) {
    throw new WeirError(
      'too_many_items',
      `${SECRETS_MAX} secrets sign already: wait until an earlier rotation is over`,
    );
  }
  const secret = newSecret();
  const before = { secret: current.secret, untilMs: nowMs + ROTATION_OVERLAP_MS };
  return { target: { ...target, secrets: [{ secret, untilMs: null }, before, ...stillSign] }, secret };
}

/** True where a target wants an alert: every filter that is there names it. A test is for whom it is sent to. */
export function wants({ destination: { filter } }: Target, { kind, plan, customer, feature }: Alert): boolean {
  return (
    (filter.kinds?.includes(kind) ?? kind !== 'test') &&
    (filter.plans?.includes(plan) ?? true) &&
    (filter.customers?.includes(customer) ?? true) &&
    (filter.features?.includes(feature) ?? true)
  );
}

/** A target as it is shown: no secret, and of a Slack URL, which is one, no more than its host. */
export function shownTarget({ id, destination, secrets, updatedAt, updatedBy }: Target) {
  const shown =
    destination.kind === 'slack' ? { ...destination, url: `${new URL(destination.url).origin}/…` } : destination;
  const rotatingUntilMs = secrets.find(({ untilMs }) => untilMs !== null)?.untilMs ?? null;
  return {
    id,
    ...shown,
    ...(rotatingUntilMs === null ? {} : { rotatingUntil: new Date(rotatingUntilMs).toISOString() }),
    updatedAt,
    updatedBy,
  };
}
