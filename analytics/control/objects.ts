import { z } from 'zod';
import { limitParameter } from '../reports/parameters.js';

/** What the routes of the catalog and of the keys have in common. */

const LIST_DEFAULT = 100;
const LIST_MAX = 1_000;

export const listParameters = z.strictObject({
  limit: limitParameter(LIST_DEFAULT, LIST_MAX),
  cursor: z.string().max(2_048).optional(),
});

/** Who owns what the API brings: a file's objects are not overwritten. */
export const API_OWNER = 'api';

/** The headers that tell an object's owner and the version that wrote it. */
export const metaHeaders = (stored: { readonly owner: string; readonly version: number }) => ({
  'weir-owner': stored.owner,
  'weir-version': String(stored.version),
});
