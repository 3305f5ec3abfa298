import { Registry } from 'prom-client';
import { type ApiKey, parseCatalog, type Scope, WeirError } from '../../../engine/index.js';
import { readAsset } from '../../../engine/platform/assets.js';
import { withAdminKey } from '../../../ingest/http/auth.js';
import { type Route, startHttpServer } from '../../../ingest/http/index.js';
import { auditParameters } from '../../reports/audit.js';
import { denialsParameters } from '../../reports/denials.js';
import { nearLimitsParameters } from '../../reports/near-limits.js';
import { periodsBetween } from '../../reports/periods.js';
import { usageParameters } from '../../reports/usage.js';
import { utilizationParameters } from '../../reports/utilization-answer.js';
import { createConsole } from '../index.js';
import {
  acmeUsage,
  auditRows,
  denialRows,
  type NearRow,
  nearRows,
  usedBetween,
  utilizationRows,
} from './fixture-data.js';
import { signalRows } from './fixture-pages.js';
import { type PagesState, pageRoutesOf } from './fixture-routes.js';
import { memoryCatalog } from './memory-catalog.js';

export const READ_KEY = 'a-key-that-may-read-reports';
export const CHECK_KEY = 'a-key-that-may-only-check';
export const ADMIN_KEY = 'the-operators-key-of-more-than-32-characters';

/** The real edge, sessions and pages before reports whose numbers are made up. */
export interface FixtureServer extends PagesState {
  readonly url: string;
  /** What the near-limits report answers from now on. */
  rows: readonly NearRow[];
  /** A fault of every report while it is set. */
  fault: WeirError | undefined;
  /** Keys that are taken. */
  readonly keys: Map<string, ApiKey>;
  close(): Promise<void>;
}

const record = (id: string, scopes: Scope[]): ApiKey => ({
  id,
  name: `${id} key`,
  hash: '0'.repeat(64),
  scopes,
  createdAt: '2026-01-01T00:00:00.000Z',
});

export async function startFixtureServer(): Promise<FixtureServer> {
  const { document } = parseCatalog(readAsset('engine/catalog/sample.yaml'));
  const keys = new Map([
    [READ_KEY, record('support', ['read'])],
    [CHECK_KEY, record('gateway', ['check'])],
  ]);
  const findKey = (rawKey: string): ApiKey | undefined => keys.get(rawKey);
  const { routes, authenticateCookie } = createConsole({
    findKey: withAdminKey(findKey, ADMIN_KEY),
    catalog: memoryCatalog(document),
    engine: { usage: async () => acmeUsage(Date.now()) },
  });
  const state: FixtureState = {
    signals: signalRows(Date.now()),
    missing: new Set(),
    financeCopies: 1,
    problems: [],
    rows: nearRows(Date.now()),
    fault: undefined,
  };
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    name: 'fixture',
    routes: [...routes, ...reportRoutes(state)],
    authenticate: findKey,
    authenticateCookie,
    adminKey: ADMIN_KEY,
    metrics: new Registry(),
    ready: async () => ({ ready: true, problems: [] }),
  });
  return Object.assign(state, { url: `http://127.0.0.1:${server.port}`, keys, close: () => server.close() });
}

type FixtureState = PagesState & Pick<FixtureServer, 'rows' | 'fault'>;

function reportRoutes(state: FixtureState): Route[] {
  const answer = (path: string, handle: (context: Parameters<Route['handle']>[0]) => unknown): Route => ({
    method: 'GET',
    path,
    scope: 'read',
    summary: 'A fixture',
    handle: (context) => {
      if (state.fault !== undefined) throw state.fault;
      return { status: 200, json: handle(context) };
    },
  });
  return [
    // Queries are read by the schemas of the real reports: a parameter that they do not know fails here too.
    answer('/v1/reports/near-limits', (context) => {
      const { threshold } = context.parseQuery(nearLimitsParameters);
      return { rows: state.rows.filter((row) => row.percent >= threshold) };
    }),
    answer('/v1/reports/denials', (context) => {
      const { feature, reason, from = 0, customer } = context.parseQuery(denialsParameters);
      const rows = (customer ?? 'acme') === 'acme' ? denialRows(Date.now()) : [];
      return {
        rows: rows.filter(
          (row) =>
            Date.parse(String(row.at)) >= from &&
            (feature === undefined || row.feature === feature) &&
            (reason === undefined || row.reason === reason),
        ),
      };
    }),
    answer('/v1/usage', (context) => {
      const { meter, from = 0, to = 0, granularity, timezone } = context.parseQuery(usageParameters);
      const rows = periodsBetween(from, to, granularity, timezone).map(({ startMs, endMs }) => ({
        start: new Date(startMs).toISOString(),
        end: new Date(endMs).toISOString(),
        meter,
        value: usedBetween(meter, startMs, endMs, Date.now()),
      }));
      return { rows };
    }),
    answer('/v1/reports/utilization', (context) => {
      const { customer, period } = context.parseQuery(utilizationParameters);
      return { rows: customer === 'acme' && period >= '2026-08' ? utilizationRows() : [] };
    }),
    answer('/v1/audit', (context) => {
      const { type, id } = context.parseQuery(auditParameters);
      const rows = auditRows(Date.now());
      return { rows: rows.filter((row) => (type ?? row.type) === row.type && (id ?? row.id) === row.id) };
    }),
    ...pageRoutesOf(state, answer, () => new WeirError('not_found')),
  ];
}

export const unavailable = (): WeirError => new WeirError('reports_unavailable');
