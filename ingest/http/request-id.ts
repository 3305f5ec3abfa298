import { randomBytes } from 'node:crypto';
import type { Reply } from './types.js';

export const REQUEST_ID_HEADER = 'x-request-id';

/** What is taken from a caller: it goes back in a header, and into log lines. */
const REQUEST_ID = /^[A-Za-z0-9._:=+/-]{1,128}$/;

/** Unique to this process's life; a number follows. */
const PREFIX = randomBytes(9).toString('base64url');
let made = 0;

/** A caller's id; '' where it brings none, or one that no header and no log line should carry. */
export function givenRequestId(header: string): string {
  return header !== '' && REQUEST_ID.test(header) ? header : '';
}

export function makeRequestId(): string {
  made += 1;
  return `${PREFIX}-${made.toString(36)}`;
}

/** The answer's JSON, with the request's id in it where it is an error. */
export function jsonWithRequestId({ status, json }: Reply, requestId: string): unknown {
  if (status < 400 || typeof json !== 'object' || json === null || !('error' in json)) return json;
  const { error } = json;
  if (typeof error !== 'object' || error === null) return json;
  return { ...json, error: { ...error, requestId } };
}
