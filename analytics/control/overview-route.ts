import { z } from 'zod';
import type { Route } from '../../ingest/http/index.js';
import { type OverviewSources, OverviewWatch } from '../overview/overview.js';
import { overviewSchema } from '../overview/overview-schema.js';
import { operatorOnly } from './operator.js';

const noQuery = z.strictObject({});

/** The whole system at a glance, for the console's first page. */
export function overviewRoute(sources: OverviewSources): Route {
  const watch = new OverviewWatch(sources);
  return operatorOnly({
    method: 'GET',
    path: '/v1/overview',
    scope: 'read',
    summary: 'Traffic and latency of all gateways now, how far each step of the pipeline is, drift and near limits.',
    query: noQuery,
    response: overviewSchema,
    handle: async (context) => {
      context.parseQuery(noQuery);
      return { status: 200, json: await watch.get() };
    },
  });
}
