import { z } from 'zod';
import {
  type ApiKey,
  addonSchema,
  type CatalogRegistry,
  customerSchema,
  featureSchema,
  type KeyService,
  meterSchema,
  planSchema,
  type SourcedType,
  WeirError,
} from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import { limitParameter } from '../reports/parameters.js';

const LIST_DEFAULT = 100;
const LIST_MAX = 1_000;

const listParameters = z.strictObject({
  limit: limitParameter(LIST_DEFAULT, LIST_MAX),
  cursor: z.string().max(2_048).optional(),
});

/** The collections of the API, and what lies in them. */
const COLLECTIONS: readonly { readonly path: string; readonly type: SourcedType; readonly schema: z.ZodType }[] = [
  { path: 'meters', type: 'meter', schema: meterSchema },
  { path: 'features', type: 'feature', schema: featureSchema },
  { path: 'plans', type: 'plan', schema: planSchema },
  { path: 'addons', type: 'addon', schema: addonSchema },
  { path: 'customers', type: 'customer', schema: customerSchema },
];

/** Who an edit is by, in the audit trail. */
const actorOf = (key: ApiKey | undefined): string => key?.id ?? 'unknown';

/** Who owns what the API brings: a file's objects are not overwritten. */
const OWNER = 'api';

const meta = (stored: { readonly owner: string; readonly version: number }) => ({
  'weir-owner': stored.owner,
  'weir-version': String(stored.version),
});

/**
 * The catalog by API: one object at a time, in force on every gateway when it is answered. An answer is the object as
 * it may be sent again; its owner and the version that wrote it are headers (`weir-owner`, `weir-version`).
 */
export function catalogRoutes(registry: CatalogRegistry): Route[] {
  return COLLECTIONS.flatMap(({ path, type, schema }) => collectionRoutes(registry, path, type, schema));
}

function collectionRoutes(registry: CatalogRegistry, path: string, type: SourcedType, schema: z.ZodType): Route[] {
  return [
    {
      method: 'GET',
      path: `/v1/${path}`,
      scope: 'admin',
      summary: `Lists ${path} by id.`,
      query: listParameters,
      async handle(context) {
        const { limit, cursor } = context.parseQuery(listParameters);
        const page = await registry.listObjects(type, cursor === undefined ? { limit } : { limit, cursor });
        const rows = page.objects.map((object) => object.body);
        return { status: 200, json: page.cursor === null ? { rows } : { rows, nextCursor: page.cursor } };
      },
    },
    {
      method: 'GET',
      path: `/v1/${path}/:id`,
      scope: 'admin',
      summary: `Shows one of the ${path}.`,
      response: schema,
      async handle({ params: { id = '' } }) {
        const stored = await registry.getObject(type, id);
        if (stored === undefined) throw new WeirError('not_found', `no ${type} ${JSON.stringify(id)}`);
        return { status: 200, json: stored.body, headers: meta(stored) };
      },
    },
    {
      method: 'PUT',
      path: `/v1/${path}/:id`,
      scope: 'admin',
      summary: `Creates or replaces one of the ${path}.`,
      request: schema,
      response: schema,
      async handle(context) {
        const { id = '' } = context.params;
        const body = await context.json(z.unknown());
        const written = await registry.putObject(type, id, body, { owner: OWNER, actor: actorOf(context.key) });
        return {
          status: written.created ? 201 : 200,
          json: written.body,
          headers: meta({ owner: OWNER, version: written.version }),
        };
      },
    },
    {
      method: 'DELETE',
      path: `/v1/${path}/:id`,
      scope: 'admin',
      summary: `Deletes one of the ${path}.`,
      async handle(context) {
        const { id = '' } = context.params;
        const author = { owner: OWNER, actor: actorOf(context.key) };
        const { version } = await registry.deleteObject(type, id, author);
        return { status: 200, json: { deleted: true, version } };
      },
    },
  ];
}

/** API keys: the raw key is in the answer that made it, and nowhere else. */
export function keyRoutes(keys: KeyService): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/keys',
      scope: 'admin',
      summary: 'Lists keys by id, without their secrets.',
      query: listParameters,
      async handle(context) {
        const { limit, cursor } = context.parseQuery(listParameters);
        const page = await keys.list(cursor === undefined ? { limit } : { limit, cursor });
        const rows = page.objects;
        return { status: 200, json: page.cursor === null ? { rows } : { rows, nextCursor: page.cursor } };
      },
    },
    {
      method: 'POST',
      path: '/v1/keys',
      scope: 'admin',
      summary: 'Makes a key; the answer has it, and nothing shows it again.',
      successStatus: 201,
      async handle(context) {
        const { info, key, version } = await keys.create(await context.json(z.unknown()), actorOf(context.key));
        return { status: 201, json: { ...info, key }, headers: meta({ owner: OWNER, version }) };
      },
    },
    {
      method: 'GET',
      path: '/v1/keys/:id',
      scope: 'admin',
      summary: 'Shows a key without its secret.',
      async handle({ params: { id = '' } }) {
        const info = await keys.get(id);
        if (info === undefined) throw new WeirError('not_found', `no key ${JSON.stringify(id)}`);
        return { status: 200, json: info };
      },
    },
    {
      method: 'PUT',
      path: '/v1/keys/:id',
      scope: 'admin',
      summary: 'Makes a key under this id, or changes the name, scopes and customer of the one there is.',
      async handle(context) {
        const { id = '' } = context.params;
        const { info, key, version } = await keys.put(id, await context.json(z.unknown()), actorOf(context.key));
        const headers = meta({ owner: OWNER, version });
        return key === undefined
          ? { status: 200, json: info, headers }
          : { status: 201, json: { ...info, key }, headers };
      },
    },
    {
      method: 'DELETE',
      path: '/v1/keys/:id',
      scope: 'admin',
      summary: 'Revokes a key; no gateway takes it any more once this is answered.',
      async handle(context) {
        const { id = '' } = context.params;
        const { version } = await keys.revoke(id, actorOf(context.key));
        return { status: 200, json: { revoked: true, version } };
      },
    },
  ];
}
