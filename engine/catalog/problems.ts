import type { z } from 'zod';
import { type ErrorCode, WeirError } from '../contract/errors.js';

/** One thing that does not hold, where it stands in an object or a document. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** True for a field that does not exist. */
  readonly unknownField?: boolean;
}

/** Issues of zod as problems: the member of a union that the input meant, and one problem for each unknown field. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], prefix: readonly PropertyKey[] = []): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: `there is no field ${JSON.stringify(key)} here`,
        unknownField: true,
      }));
    }
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const [meant, ...others] = issue.errors.filter((errors) => !isOtherKind(errors));
      if (meant !== undefined && others.length === 0) return problemsOf(meant, path);
      const told = issue.errors.flatMap((errors) => problemsOf(errors).map(({ message }) => message));
      return [{ path, message: [...new Set(told)].join(', or ') }];
    }
    if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message }];
    if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) {
      return [{ path, message: `is needed: ${issue.expected}` }];
    }
    return [{ path, message: issue.message }];
  });
}

/** True when a member of a union was not meant: it takes another kind of value, while a wrong part may lie deeper. */
function isOtherKind(issues: readonly z.core.$ZodIssue[]): boolean {
  return issues.some((issue) => {
    if (issue.path.length > 0) return false;
    if (issue.code === 'invalid_union') return issue.errors.length > 0 && issue.errors.every(isOtherKind);
    return issue.code === 'invalid_type' || issue.code === 'invalid_value';
  });
}

/** An error that names the first problem and lists all. */
export function refusal(code: ErrorCode, problems: readonly Problem[]): WeirError {
  const details = problems.map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
  const [{ path: field, message } = { path: '', message: 'nothing' }] = details;
  return field === ''
    ? new WeirError(code, message, { details })
    : new WeirError(code, `${field}: ${message}`, { field, details });
}

/** The error of a request whose body does not match its schema. */
export function requestRefusal(problems: readonly Problem[]): WeirError {
  return refusal(problems[0]?.unknownField === true ? 'unknown_field' : 'invalid_request', problems);
}
