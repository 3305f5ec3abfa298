import { type ZodType, z } from 'zod';
import { parameterNames } from './context.js';
import type { Route } from './types.js';

export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

type Json = Record<string, unknown>;

const ERROR_SCHEMA = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'docs'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        field: { type: 'string' },
        details: { type: 'array', items: {} },
        docs: { type: 'string' },
        requestId: { type: 'string' },
      },
    },
  },
};

/** A zod schema as JSON Schema 2020-12, the dialect of OpenAPI 3.1. What JSON Schema cannot say is left open. */
function schemaOf(schema: ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' });
  return json;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parametersOf(route: Route): Json[] {
  const parameters: Json[] = parameterNames(route.path).map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1, maxLength: 256 },
  }));
  if (route.query === undefined) return parameters;
  const { properties, required } = schemaOf(route.query, 'input');
  const needed: unknown[] = Array.isArray(required) ? required : [];
  for (const [name, schema] of Object.entries(isObject(properties) ? properties : {})) {
    parameters.push({ name, in: 'query', required: needed.includes(name), schema });
  }
  return parameters;
}

function operationOf(route: Route): Json {
  const parameters = parametersOf(route);
  const success = String(route.successStatus ?? 200);
  const error = {
    description: 'An error of the registry',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  };
  const types = route.requestTypes ?? ['application/json'];
  const request = route.request;
  return {
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(request === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: Object.fromEntries(types.map((type) => [type, { schema: schemaOf(request, 'input') }])),
          },
        }),
    responses: {
      [success]: {
        description: 'The answer',
        ...(route.response === undefined
          ? {}
          : { content: { 'application/json': { schema: schemaOf(route.response, 'output') } } }),
      },
      default: error,
    },
    security: route.scope === 'open' || route.scope === 'public' ? [{}, { key: [] }] : [{ key: [] }, { bearer: [] }],
    ...(route.scope === 'open' || route.scope === 'public' ? {} : { 'x-weir-scope': route.scope }),
  };
}

/**
 * The OpenAPI 3.1 document of these routes, made from their zod schemas (spec.openapis.org, OAS 3.1.1).
 * A path that takes any rest has no spelling there and is left out, as are hidden routes.
 */
export function openApiDocument(routes: readonly Route[], info: ApiInfo): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    if (route.hidden === true || route.path.endsWith('*')) continue;
    const path = route.path.replace(/:([A-Za-z]+)/g, '{$1}');
    const methods = route.method === 'ANY' ? ['get', 'post'] : [route.method.toLowerCase()];
    const operations = paths[path] ?? {};
    for (const method of methods) operations[method] = operationOf(route);
    paths[path] = operations;
  }
  return {
    openapi: '3.1.0',
    info,
    paths,
    components: {
      schemas: { Error: ERROR_SCHEMA },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        key: { type: 'apiKey', in: 'header', name: 'x-weir-key' },
      },
    },
  };
}
