import { z } from 'zod';
import {
  type CatalogRegistry,
  type CustomerGrant,
  customerSchema,
  grantSchema,
  WeirError,
} from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import { API_OWNER } from './objects.js';
import { actorOf, operatorOnly } from './operator.js';

/** Writes of the same customer that came in between, before an answer says so. */
const ATTEMPTS_MAX = 5;

/** The id of the address may be left out of the body. */
const grantOf = (id: string) =>
  z
    .record(z.string(), z.unknown())
    .transform((body) => ({ id, ...body }))
    .pipe(grantSchema.refine((grant) => grant.id === id, { path: ['id'], message: 'is not the id of the address' }));

/**
 * Grants of one customer: more of a quota, for good or for a time. They stand in the customer's object, so a write of
 * one is a version of the catalog with the audit trail's line, in force on every gateway when it is answered. They are
 * the operator's, and so are their reasons.
 */
export function grantRoutes(registry: CatalogRegistry): Route[] {
  const path = '/v1/customers/:id/grants';
  const routes: Route[] = [
    {
      method: 'GET',
      path,
      scope: 'admin',
      summary: 'Lists the grants of a customer.',
      async handle(context) {
        const id = context.params.id ?? '';
        return { status: 200, json: { rows: (await readGrants(registry, id)).grants } };
      },
    },
    {
      method: 'GET',
      path: `${path}/:grant`,
      scope: 'admin',
      summary: 'Shows one grant of a customer.',
      response: grantSchema,
      async handle(context) {
        const { id = '', grant: grantId = '' } = context.params;
        const grant = (await readGrants(registry, id)).grants.find((each) => each.id === grantId);
        if (grant === undefined) throw missing(grantId);
        return { status: 200, json: grant };
      },
    },
    {
      method: 'PUT',
      path: `${path}/:grant`,
      scope: 'admin',
      summary: 'Creates or replaces one grant of a customer.',
      request: grantSchema,
      response: grantSchema,
      async handle(context) {
        const { id = '', grant: grantId = '' } = context.params;
        const grant = await context.json(grantOf(grantId));
        const created = await changeGrants(registry, id, actorOf(context), (grants) => {
          const others = grants.filter((each) => each.id !== grantId);
          return { grants: [...others, grant], outcome: others.length === grants.length };
        });
        return { status: created ? 201 : 200, json: grant };
      },
    },
    {
      method: 'DELETE',
      path: `${path}/:grant`,
      scope: 'admin',
      summary: 'Deletes one grant of a customer.',
      async handle(context) {
        const { id = '', grant: grantId = '' } = context.params;
        await changeGrants(registry, id, actorOf(context), (grants) => {
          const others = grants.filter((each) => each.id !== grantId);
          if (others.length === grants.length) throw missing(grantId);
          return { grants: others, outcome: undefined };
        });
        return { status: 200, json: { deleted: true } };
      },
    },
  ];
  return routes.map(operatorOnly);
}

const missing = (id: string): WeirError => new WeirError('not_found', `no grant ${JSON.stringify(id)}`);

async function readGrants(registry: CatalogRegistry, id: string) {
  const stored = await registry.getObject('customer', id);
  if (stored === undefined) throw new WeirError('not_found', `no customer ${JSON.stringify(id)}`);
  const customer = customerSchema.parse(stored.body);
  return { customer, grants: customer.grants ?? [], version: stored.version };
}

/** @throws WeirError `id_conflict` where others keep writing the customer, and what a write of the customer throws. */
async function changeGrants<T>(
  registry: CatalogRegistry,
  id: string,
  actor: string,
  change: (grants: readonly CustomerGrant[]) => { readonly grants: CustomerGrant[]; readonly outcome: T },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const { customer, grants: before, version } = await readGrants(registry, id);
    const { grants, outcome } = change(before);
    const { grants: _, ...rest } = customer;
    const body = grants.length === 0 ? rest : { ...rest, grants };
    try {
      await registry.putBody({ type: 'customer', id, body }, { owner: API_OWNER, actor }, version);
      return outcome;
    } catch (error) {
      const isTorn = error instanceof WeirError && error.code === 'id_conflict';
      if (!isTorn || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}
