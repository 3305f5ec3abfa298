import { createHash } from 'node:crypto';
import type { z } from 'zod';
import {
  type Addon,
  type ApiKey,
  addonSchema,
  apiKeySchema,
  type Customer,
  customerSchema,
  type Feature,
  featureSchema,
  isTimezone,
  type Meter,
  meterSchema,
  type ObjectType,
  type Plan,
  planSchema,
} from '../contract/catalog.js';

/** The types that define what customers get: few, kept whole by every gateway, and what the others refer to. */
export const DEFINITION_TYPES = ['meter', 'feature', 'plan', 'addon'] as const satisfies readonly ObjectType[];
export type DefinitionType = (typeof DEFINITION_TYPES)[number];

export const isDefinition = (type: ObjectType): type is DefinitionType => type !== 'customer' && type !== 'key';

/** The body of each type of object. */
export interface BodyOf {
  readonly meter: Meter;
  readonly feature: Feature;
  readonly plan: Plan;
  readonly addon: Addon;
  readonly customer: Customer;
  readonly key: ApiKey;
}

type Schemas = { readonly [T in ObjectType]: z.ZodType<BodyOf[T]> };
const SCHEMAS: Schemas = {
  meter: meterSchema,
  feature: featureSchema,
  plan: planSchema,
  addon: addonSchema,
  customer: customerSchema,
  key: apiKeySchema,
};

/** One thing that does not hold, where it stands in an object or a document. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export type ParseOutcome<T> =
  | { readonly ok: true; readonly body: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Checks one object against its schema and fills in what may be left out; every fault is listed, unknown fields by name.
 * @param input what JSON or YAML gave.
 */
export function parseObject<T extends ObjectType>(type: T, input: unknown): ParseOutcome<BodyOf[T]> {
  const schema: z.ZodType<BodyOf[T]> = SCHEMAS[type];
  const known = type === 'customer' ? knownTimezone(input) : undefined;
  // A zone seen before is taken out and put back: to look one up costs Intl 200 µs, 20 s for 100 000 customers.
  const parsed = schema.safeParse(known === undefined ? input : known.rest);
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error.issues, input) };
  return { ok: true, body: known === undefined ? parsed.data : { ...parsed.data, timezone: known.timezone } };
}

/**
 * The body of an object as Redis keeps it: written by a registry after validation, so a fault is damage.
 * @throws Error for a body that does not match its schema.
 */
export function parseStoredBody<T extends ObjectType>(type: T, body: unknown): BodyOf[T] {
  const parsed = parseObject(type, body);
  if (parsed.ok) return parsed.body;
  const first = parsed.problems[0];
  throw new Error(`a stored ${type} does not match its schema: ${first?.path.join('.')} ${first?.message}`);
}

const TIMEZONES_MAX = 1_000;
const timezones = new Set<string>();

function knownTimezone(input: unknown): { timezone: string; rest: object } | undefined {
  if (typeof input !== 'object' || input === null || !('timezone' in input)) return undefined;
  const { timezone, ...rest } = input;
  if (typeof timezone !== 'string' || timezone.length > 64) return undefined;
  if (!timezones.has(timezone)) {
    if (timezones.size >= TIMEZONES_MAX || !isTimezone(timezone)) return undefined;
    timezones.add(timezone);
  }
  return { timezone, rest };
}

/** Issues of zod as problems: the member of a union that the input meant, and one problem for each unknown field. */
function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  prefix: readonly PropertyKey[] = [],
): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: `there is no field ${JSON.stringify(key)} here`,
      }));
    }
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const meant = issue.errors.filter((errors) => !errors.some((error) => error.path.length === 0 && isKind(error)));
      const [only] = meant;
      if (meant.length === 1 && only !== undefined) return problemsOf(only, input, path);
      const told = issue.errors.flatMap((errors) => errors.map((error) => error.message));
      return [{ path, message: [...new Set(told)].join(', or ') }];
    }
    if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message }];
    return [{ path, message: issue.message }];
  });
}

/** True for an issue that says "another kind of value", not "this value, but wrong inside". */
const isKind = (issue: z.core.$ZodIssue): boolean => issue.code === 'invalid_type' || issue.code === 'invalid_value';

/**
 * JSON with the keys of every object in order, so that equal values have one spelling.
 * @param value what JSON can say; undefined members are left out.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members: string[] = [];
  for (const [key, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}

/** SHA-256 of a text in hexadecimal. */
export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');
