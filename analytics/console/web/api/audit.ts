import { call, withQuery } from './http.js';

/** One change of the catalog. `before` is null for what is new, `after` for what was removed. */
export interface Change {
  readonly atMs: number;
  readonly version: number;
  readonly actor: string;
  readonly type: string;
  readonly id: string;
  readonly before: unknown;
  readonly after: unknown;
}

export interface ChangesPage {
  readonly rows: readonly Change[];
  readonly more: boolean;
}

/** What to look at: all objects, or one. */
export interface ChangesOf {
  readonly type: string;
  readonly id: string;
}

/** The newest changes of all time. */
export function changes(limit: number, of: ChangesOf | undefined, signal?: AbortSignal): Promise<ChangesPage> {
  return call(
    withQuery('/v1/audit', { from: '1970-01-01', limit, type: of?.type, id: of?.id }),
    (answer) => ({
      rows: answer.list('rows', (row) => ({
        atMs: row.instant('at'),
        version: row.number('version'),
        actor: row.text('actor'),
        type: row.text('type'),
        id: row.text('id'),
        before: row.raw('before') ?? null,
        after: row.raw('after') ?? null,
      })),
      more: answer.has('nextCursor'),
    }),
    { signal },
  );
}
