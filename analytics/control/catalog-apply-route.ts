import { z } from 'zod';
import { type CatalogRegistry, FILE_OWNER, type ObjectChange, parseCatalog, WeirError } from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import { actorOf, operatorOnly } from './operator.js';

/** As large as a file that the control plane would follow by itself (engine/catalog/document.ts). */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
/** Changes that an answer shows; `changesTotal` counts all of them. */
const SHOWN_MAX = 1_000;

const parameters = z.strictObject({
  /** Say what would change, and change nothing. */
  dryRun: z.enum(['true', 'false']).default('false'),
  /** Whose objects the file stands for: what this owner brought before and the file no longer has is deleted. */
  owner: z.enum([FILE_OWNER, 'api']).default(FILE_OWNER),
});

const answerSchema = z.object({
  status: z.enum(['applied', 'unchanged', 'planned']),
  version: z.int(),
  changes: z.array(
    z.object({
      type: z.string(),
      id: z.string(),
      action: z.enum(['create', 'update', 'delete']),
      before: z.unknown(),
      after: z.unknown(),
    }),
  ),
  changesTotal: z.int(),
});

/**
 * `POST /v1/catalog/apply`: an entitlement file becomes the catalog, whole or not at all, and is in force on every
 * gateway when it is answered. A file that does not hold is refused with every fault at its line.
 */
export function catalogApplyRoute(registry: CatalogRegistry): Route {
  return operatorOnly({
    method: 'POST',
    path: '/v1/catalog/apply',
    scope: 'admin',
    summary: 'Puts an entitlement file (YAML or JSON) in force, or says by dryRun=true what it would change.',
    query: parameters,
    requestTypes: ['application/yaml', 'application/json'],
    response: answerSchema,
    bodyBytesMax: FILE_BYTES_MAX,
    async handle(context) {
      const { dryRun, owner } = context.parseQuery(parameters);
      const parsed = parseCatalog(readText(await context.body()));
      const author = { owner, actor: actorOf(context) };
      const outcome = await registry.apply(parsed, author, { dryRun: dryRun === 'true' });
      if (outcome.status === 'refused') {
        const [first] = outcome.faults;
        const place = first === undefined || first.line === 0 ? '' : `line ${first.line}: `;
        const path = first === undefined || first.path === '' ? '' : `${first.path} `;
        throw new WeirError('invalid_catalog', `${place}${path}${first?.message ?? ''}`, { details: outcome.faults });
      }
      const changes = outcome.status === 'unchanged' ? [] : outcome.changes;
      return {
        status: 200,
        json: {
          status: outcome.status,
          version: outcome.version,
          changes: changes.slice(0, SHOWN_MAX).map(shownChange),
          changesTotal: changes.length,
        },
      };
    },
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws WeirError `invalid_catalog` for bytes that are not UTF-8: ids that differ must not fall together. */
function readText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new WeirError('invalid_catalog', 'the file is not encoded in UTF-8');
  }
}

function shownChange({ type, id, before, after }: ObjectChange) {
  const read = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
  const action = before === null ? 'create' : after === null ? 'delete' : 'update';
  return { type, id, action, before: read(before), after: read(after) };
}
