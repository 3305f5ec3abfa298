import { z } from 'zod';
import { ID_CHARS_MAX } from './constants.js';

/** Printable: letters, marks, digits, punctuation, symbols and the plain space of any script; no control characters. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;

/** True for 1 to 256 printable characters. The ASCII test first: it is what nearly all ids are. */
export function isId(value: string): boolean {
  return value.length <= ID_CHARS_MAX && (PRINTABLE_ASCII.test(value) || PRINTABLE.test(value));
}

/** An id of a customer, entity, feature, event, reservation, key …, made by the caller. */
export const idSchema = z.string().refine(isId, `must be 1 to ${ID_CHARS_MAX} printable characters`);

/** An instant in RFC 3339; kept as text in the catalog, as milliseconds since 1970 inside. */
export const instantSchema = z.iso.datetime({
  offset: true,
  local: false,
  error: 'must be an RFC 3339 time such as 2026-01-31T10:00:00Z',
});
