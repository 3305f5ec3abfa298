import { z } from 'zod';
import {
  addonSchema,
  type CatalogRegistry,
  customerSchema,
  featureSchema,
  meterSchema,
  planSchema,
  type SourcedType,
  WeirError,
} from '../../engine/index.js';
import { assertCustomer, type Route } from '../../ingest/http/index.js';
import { API_OWNER, listParameters, metaHeaders } from './objects.js';
import { actorOf, operatorOnly } from './operator.js';

interface Collection {
  readonly path: string;
  readonly type: SourcedType;
  readonly schema: z.ZodType;
}

/** The collections of the API, and what lies in them. */
const COLLECTIONS: readonly Collection[] = [
  { path: 'meters', type: 'meter', schema: meterSchema },
  { path: 'features', type: 'feature', schema: featureSchema },
  { path: 'plans', type: 'plan', schema: planSchema },
  { path: 'addons', type: 'addon', schema: addonSchema },
  { path: 'customers', type: 'customer', schema: customerSchema },
];

/**
 * The catalog by API: one object at a time, in force on every gateway when it is answered. An answer is the object as
 * it may be sent again; its owner and the version that wrote it are headers (`weir-owner`, `weir-version`).
 *
 * It is the operator's. A key that is bound to a customer may read that customer, and nothing else: a plan may be
 * somebody's own, with its name and its terms.
 */
export function catalogRoutes(registry: CatalogRegistry): Route[] {
  return COLLECTIONS.flatMap((collection) => [
    operatorOnly(listRoute(registry, collection)),
    collection.type === 'customer'
      ? ownRoute(getRoute(registry, collection))
      : operatorOnly(getRoute(registry, collection)),
    operatorOnly(putRoute(registry, collection)),
    operatorOnly(deleteRoute(registry, collection)),
  ]);
}

/** Refused to a key that is bound to another customer than the path's; why grants were made is the operator's. */
const ownRoute = (route: Route): Route => ({
  ...route,
  async handle(context) {
    assertCustomer(context.key, context.params.id ?? '');
    const reply = await route.handle(context);
    if (context.key?.customer === undefined) return reply;
    const { grants, ...customer } = customerSchema.parse(reply.json);
    const shown = grants?.map(({ reason: _, ...grant }) => grant);
    return { ...reply, json: shown === undefined ? customer : { ...customer, grants: shown } };
  },
});

function listRoute(registry: CatalogRegistry, { path, type }: Collection): Route {
  return {
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
  };
}

function getRoute(registry: CatalogRegistry, { path, type, schema }: Collection): Route {
  return {
    method: 'GET',
    path: `/v1/${path}/:id`,
    scope: 'admin',
    summary: `Shows one of the ${path}.`,
    response: schema,
    async handle({ params: { id = '' } }) {
      const stored = await registry.getObject(type, id);
      if (stored === undefined) throw new WeirError('not_found', `no ${type} ${JSON.stringify(id)}`);
      return { status: 200, json: stored.body, headers: metaHeaders(stored) };
    },
  };
}

function putRoute(registry: CatalogRegistry, { path, type, schema }: Collection): Route {
  return {
    method: 'PUT',
    path: `/v1/${path}/:id`,
    scope: 'admin',
    summary: `Creates or replaces one of the ${path}.`,
    request: schema,
    response: schema,
    async handle(context) {
      const { id = '' } = context.params;
      const body = await context.json(z.unknown());
      const author = { owner: API_OWNER, actor: actorOf(context) };
      const written = await registry.putObject(type, id, body, author);
      return {
        status: written.created ? 201 : 200,
        json: written.body,
        headers: metaHeaders({ owner: API_OWNER, version: written.version }),
      };
    },
  };
}

function deleteRoute(registry: CatalogRegistry, { path, type }: Collection): Route {
  return {
    method: 'DELETE',
    path: `/v1/${path}/:id`,
    scope: 'admin',
    summary: `Deletes one of the ${path}.`,
    async handle(context) {
      const { id = '' } = context.params;
      const { version } = await registry.deleteObject(type, id, { owner: API_OWNER, actor: actorOf(context) });
      return { status: 200, json: { deleted: true, version } };
    },
  };
}
