import { z } from 'zod';
import { type Engine, idSchema } from '../../engine/index.js';
import { assertCustomer, type RequestContext, type Route } from '../http/index.js';
import { limitsText } from './decision-json.js';
import { limitsSchema } from './schemas.js';
import { jsonString } from './texts.js';

const noQuery = z.strictObject({});
const usageQuery = z.strictObject({ entity: idSchema.optional() });

const usageAnswerSchema = z.object({
  customer: z.string(),
  version: z.int(),
  features: z.record(z.string(), z.object({ limits: limitsSchema })),
});

const entitlementsAnswerSchema = z.object({
  customer: z.string(),
  version: z.int(),
  plan: z.string(),
  status: z.string(),
  startsAt: z.string().nullable(),
  endsAt: z.string().nullable(),
  features: z.record(z.string(), z.unknown()),
});

/** `GET /v1/customers/{id}/usage` (the live counters) and `/v1/customers/{id}/entitlements` (what the catalog grants). */
export function usageRoutes(engine: Engine): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/customers/:id/usage',
      scope: 'read',
      summary: 'The live counters of a customer; with "entity" those of an entity and all above it',
      query: usageQuery,
      response: usageAnswerSchema,
      handle: async (context) => {
        const customer = readCustomer(context);
        const { entity } = context.parseQuery(usageQuery);
        const { version, features } = await engine.usage(customer, entity);
        const texts = Object.entries(features).map(
          ([id, { scale, limits }]) => `${jsonString(id)}:{"limits":${limitsText(limits, scale)}}`,
        );
        return {
          status: 200,
          headers: { 'content-type': 'application/json' },
          text: `{"customer":${jsonString(customer)},"version":${version},"features":{${texts.join(',')}}}`,
        };
      },
    },
    {
      method: 'GET',
      path: '/v1/customers/:id/entitlements',
      scope: 'read',
      summary: 'What a customer may use',
      query: noQuery,
      response: entitlementsAnswerSchema,
      handle: async (context) => {
        const customer = readCustomer(context);
        context.parseQuery(noQuery);
        return { status: 200, json: { customer, ...(await engine.entitlements(customer)) } };
      },
    },
  ];
}

function readCustomer(context: RequestContext): string {
  const customer = context.params.id ?? '';
  assertCustomer(context.key, customer);
  return customer;
}
