import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../../engine/contract/errors.js';

/** What has no code of the registry: there was no answer, or one that is not Weir's. */
export type ClientErrorCode = 'unreachable' | 'timeout' | 'unexpected_answer';

interface ErrorDetail {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly field?: string | undefined;
  readonly details?: readonly unknown[] | undefined;
  readonly docs?: string | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A call that failed. `code` is one of the server's registry, or of ClientErrorCode; a newer server may know more. */
export class WeirApiError extends Error {
  readonly code: ErrorCode | ClientErrorCode | (string & {});
  readonly status: number;
  /** The part of the request that is at fault, as a JSON path. */
  readonly field: string | undefined;
  /** Such as the faults of a catalog. */
  readonly details: readonly unknown[];
  readonly docs: string | undefined;
  /** What the server's log names the request by. */
  readonly requestId: string | undefined;
  /** How long the server asks to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, detail: ErrorDetail) {
    super(message, { cause: detail.cause });
    this.name = 'WeirApiError';
    this.code = code;
    this.status = detail.status;
    this.field = detail.field;
    this.details = detail.details ?? [];
    this.docs = detail.docs;
    this.requestId = detail.requestId;
    this.retryAfterMs = detail.retryAfterMs;
  }

  /** True when the same request, sent again under its id, can succeed without a change. */
  get retry(): boolean {
    return this.code === 'unreachable' || this.code === 'timeout' || isRetryCode(this.code);
  }
}

/** True for a code of the registry that says so. */
export function isRetryCode(code: string): boolean {
  return isErrorCode(code) && ERRORS[code].retry;
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

/** The error of one item or of a whole answer; looser than the contract, so that a newer server is understood. */
export const errorBodySchema = z.looseObject({
  error: z.looseObject({
    code: z.string(),
    message: z.string(),
    field: z.string().optional(),
    details: z.array(z.unknown()).optional(),
    docs: z.string().optional(),
    requestId: z.string().optional(),
  }),
});

/** The error that an answer without success stands for. */
export function errorOfAnswer(status: number, headers: Headers, text: string, url: string): WeirApiError {
  const retryAfterMs = readRetryAfter(headers.get('retry-after'));
  const parsed = errorBodySchema.safeParse(parseOrUndefined(text));
  if (parsed.success) {
    const { code, message, field, details, docs, requestId } = parsed.data.error;
    return new WeirApiError(code, message, { status, field, details, docs, requestId, retryAfterMs });
  }
  const message = `${url} answered ${status}, and not as Weir does. Is it Weir's address, and is no proxy between?`;
  return new WeirApiError('unexpected_answer', message, { status, retryAfterMs });
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Retry-After in seconds (RFC 9110, section 10.2.3), as Weir sends it; a date is left to the back-off. */
function readRetryAfter(value: string | null): number | undefined {
  return value !== null && /^\d{1,6}$/.test(value) ? Number(value) * 1_000 : undefined;
}
