import { z } from 'zod';
import { type KeyService, WeirError } from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import { API_OWNER, listParameters, metaHeaders } from './objects.js';
import { actorOf, operatorOnly } from './operator.js';

/** API keys, for operators: the raw key is in the answer that made it, and nowhere else. */
export function keyRoutes(keys: KeyService): Route[] {
  const routes: Route[] = [
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
        const request = await context.json(z.unknown());
        const { info, key, version } = await keys.create(request, actorOf(context));
        return { status: 201, json: { ...info, key }, headers: metaHeaders({ owner: API_OWNER, version }) };
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
        const request = await context.json(z.unknown());
        const { info, key, version } = await keys.put(id, request, actorOf(context));
        const headers = metaHeaders({ owner: API_OWNER, version });
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
        const { version } = await keys.revoke(id, actorOf(context));
        return { status: 200, json: { revoked: true, version } };
      },
    },
  ];
  return routes.map(operatorOnly);
}
