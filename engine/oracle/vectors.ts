import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { bucketSchema, quotaSchema } from '../contract/catalog.js';
import { AMOUNT_MAX } from '../contract/constants.js';
import { idSchema } from '../contract/ids.js';

/**
 * Conformance vectors: the semantics of decisions as data. A file is an array of vectors; each is one customer with
 * one metered feature, and a list of steps with the answer that each must give.
 */

/** The limits that the vectors are about. */
const limitSchema = z.discriminatedUnion('kind', [bucketSchema, quotaSchema]);
export type VectorLimit = z.output<typeof limitSchema>;

const amountSchema = z.int().min(0).max(AMOUNT_MAX);

/** One limit after an operation. A bucket has `remaining` only; `resetAt` is RFC 3339 in UTC with milliseconds. */
const limitAnswerSchema = z.strictObject({
  remaining: z.int(),
  used: z.int().optional(),
  reserved: z.int().optional(),
  overage: z.int().optional(),
  headroom: z.int().nullable().optional(),
  resetAt: z.string().nullable().optional(),
});
export type LimitAnswer = z.output<typeof limitAnswerSchema>;

/** What one operation answers. A field that does not apply is left out. */
const answerSchema = z.strictObject({
  allowed: z.boolean().optional(),
  deniedBy: z.array(z.string()).optional(),
  shadowDeniedBy: z.array(z.string()).optional(),
  /** Only beside `deniedBy`; null when one of them can never admit the amount. */
  retryAfterMs: z.int().nullable().optional(),
  crossed: z.array(z.strictObject({ limit: z.string(), threshold: z.int() })).optional(),
  replayed: z.boolean().optional(),
  status: z.string().optional(),
  late: z.boolean().optional(),
  overrun: z.boolean().optional(),
  /** A code of the registry of errors. */
  error: z.string().optional(),
  limits: z.record(z.string(), limitAnswerSchema).optional(),
});
export type Answer = z.output<typeof answerSchema>;

const timed = {
  /** Milliseconds after the vector's start. */
  at: z.int(),
  expect: answerSchema,
};
const stepSchema = z.discriminatedUnion('op', [
  z.strictObject({ ...timed, op: z.literal('check'), amount: amountSchema, id: idSchema.optional() }),
  z.strictObject({ ...timed, op: z.literal('record'), amount: amountSchema, id: idSchema.optional() }),
  z.strictObject({ ...timed, op: z.literal('peek'), amount: amountSchema }),
  z.strictObject({
    ...timed,
    op: z.literal('reserve'),
    amount: amountSchema,
    reservation: idSchema,
    ttlMs: z.int().min(1),
  }),
  z.strictObject({ ...timed, op: z.literal('commit'), amount: amountSchema, reservation: idSchema }),
  z.strictObject({ ...timed, op: z.literal('release'), reservation: idSchema }),
  /** Takes the record under this id back; a peek tells what is left. */
  z.strictObject({ ...timed, op: z.literal('void'), id: idSchema }),
  z.strictObject({ ...timed, op: z.literal('setLimits'), limits: z.array(limitSchema) }),
]);
type VectorStep = z.output<typeof stepSchema>;

/** A step as something that decides sees it: without its time and without the expected answer. */
export type Step = VectorStep extends infer Each
  ? Each extends VectorStep
    ? Omit<Each, 'at' | 'expect'>
    : never
  : never;

const vectorSchema = z.strictObject({
  name: z.string(),
  about: z.string(),
  start: z.iso.datetime({ offset: true }),
  limits: z.array(limitSchema),
  steps: z.array(stepSchema),
});
/** `file` is the path it was read from. */
export type Vector = z.output<typeof vectorSchema> & { readonly file: string };

/**
 * Reads vectors from files, and from all `.json` files of folders, by name.
 * @throws Error for a path that does not exist, a file that is no array of vectors, or when there is no vector at all.
 */
export function loadVectors(paths: readonly string[]): Vector[] {
  const vectors = paths.flatMap(filesOf).flatMap(readVectors);
  if (vectors.length === 0) throw new Error(`no vectors in ${paths.join(', ')}`);
  return vectors;
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(path, name));
}

function readVectors(file: string): Vector[] {
  const parsed = z.array(vectorSchema).safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file} is no file of vectors:\n${z.prettifyError(parsed.error)}`);
  return parsed.data.map((vector) => ({ ...vector, file }));
}

const FIELDS = [
  'error',
  'allowed',
  'status',
  'deniedBy',
  'shadowDeniedBy',
  'retryAfterMs',
  'crossed',
  'replayed',
  'late',
  'overrun',
] as const satisfies readonly (keyof Answer)[];
const LIMIT_FIELDS = [
  'remaining',
  'used',
  'reserved',
  'overage',
  'headroom',
  'resetAt',
] as const satisfies readonly (keyof LimitAnswer)[];

/**
 * Compares an answer with what a vector expects: null when they agree, else the first field that differs. A field that
 * is left out must be absent, false or an empty list in the answer, save `limits`, which then is not compared.
 */
export function compare(expected: Answer, actual: Answer): string | null {
  for (const field of FIELDS) {
    const difference = differ(field, expected[field], actual[field]);
    if (difference !== null) return difference;
  }
  if (expected.limits === undefined) return null;
  const ids = new Set([...Object.keys(expected.limits), ...Object.keys(actual.limits ?? {})]);
  for (const id of ids) {
    const [expectedLimit, actualLimit] = [expected.limits[id], actual.limits?.[id]];
    if (expectedLimit === undefined || actualLimit === undefined) {
      return differ(`limits.${id}`, expectedLimit, actualLimit);
    }
    for (const field of LIMIT_FIELDS) {
      const difference = differ(`limits.${id}.${field}`, expectedLimit[field], actualLimit[field]);
      if (difference !== null) return difference;
    }
  }
  return null;
}

function differ(field: string, expected: unknown, actual: unknown): string | null {
  const [expectedText, actualText] = [spell(expected), spell(actual)];
  return expectedText === actualText ? null : `${field}: expected ${expectedText}, got ${actualText}`;
}

/** One spelling of a value, whatever the order of its keys; what counts as absent is `nothing`. */
function spell(value: unknown): string {
  if (value === undefined || value === false) return 'nothing';
  if (Array.isArray(value) && value.length === 0) return 'nothing';
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
