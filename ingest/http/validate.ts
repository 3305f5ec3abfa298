import type { ZodType, z } from 'zod';
import { WeirError } from '../../engine/contract/errors.js';

type Issue = z.core.$ZodIssue;

/** Fatal: bytes that are not UTF-8 are refused, not replaced, or two ids could fall together. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A body's text. @throws WeirError invalid_json for bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array | ArrayBuffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new WeirError('invalid_json', 'not UTF-8');
  }
}

/** @throws WeirError invalid_json */
export function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new WeirError('invalid_json', shorten(error instanceof Error ? error.message : ''));
  }
}

/** @throws WeirError invalid_json */
export function parseJson(bytes: Uint8Array | ArrayBuffer): unknown {
  return parseText(decodeText(bytes));
}

/** V8 quotes the text around the fault; enough of it to find the place, and no more. */
function shorten(message: string): string {
  return message.length <= 120 ? message : `${message.slice(0, 117)}...`;
}

/** @throws WeirError unknown_field, invalid_amount, invalid_request with the field. */
export function validate<T>(schema: ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw issueError(parsed.error.issues);
}

/** The first fault of a refused value as an error of the registry; a field that does not exist goes first. */
export function issueError(issues: readonly Issue[], at: readonly PropertyKey[] = []): WeirError {
  const flat = issues.flatMap((issue) => flatten(issue, at));
  const unknown = flat.find((issue) => issue.code === 'unrecognized_keys');
  if (unknown?.code === 'unrecognized_keys') {
    const field = spell([...unknown.path, unknown.keys[0] ?? '']);
    return new WeirError('unknown_field', JSON.stringify(field.slice(0, 300)), { field });
  }
  const [first] = flat;
  if (first === undefined) return new WeirError('invalid_request');
  const field = spell(first.path);
  const code = first.path.at(-1) === 'amount' ? 'invalid_amount' : 'invalid_request';
  const detail = field === '' ? first.message : `${field}: ${first.message}`;
  return new WeirError(code, detail, field === '' ? {} : { field });
}

/** A union reports every branch; the one that got furthest is what the sender meant. */
function flatten(issue: Issue, at: readonly PropertyKey[]): Issue[] {
  const path = [...at, ...issue.path];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branches = issue.errors.map((branch) => branch.flatMap((inner) => flatten(inner, path)));
    const depth = (branch: readonly Issue[]): number => Math.max(...branch.map((inner) => inner.path.length), 0);
    const deepest = branches.reduce((best, branch) => (depth(branch) > depth(best) ? branch : best));
    if (depth(deepest) > path.length || deepest.some((inner) => inner.code === 'unrecognized_keys')) return deepest;
  }
  return [{ ...issue, path }];
}

/** `["checks", 3, "customer"]` → `checks[3].customer`. */
function spell(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text;
}
