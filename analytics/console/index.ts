import type { ApiKey, CatalogView, Engine } from '../../engine/index.js';
import { assetPath } from '../../engine/platform/assets.js';
import type { Route } from '../../ingest/http/index.js';
import { customerSheetRoute } from './customer-sheet.js';
import { liveUsageRoute } from './live-usage.js';
import { pageRoutes } from './pages.js';
import { cookieAuthentication, sessionRoutes } from './session.js';
import { SessionStore } from './session-store.js';

/** Where the build puts the pages, from the sources as well as from dist/. */
const PAGES_FOLDER = 'dist/analytics/console/web';

export interface ConsoleOptions {
  /**
   * The edge's look-up of a raw key, the operator's key included (`withAdminKey`); asked on every request of a session,
   * so that a revoked key ends its sessions at once.
   */
  readonly findKey: (rawKey: string) => ApiKey | undefined;
  readonly catalog: CatalogView;
  /** For `GET /v1/customers/:id/usage`; left out where the server has that route already. */
  readonly engine?: Pick<Engine, 'usage'>;
}

/** What the control plane's server takes from the console. */
export interface ConsoleParts {
  /** `/`, `/assets/*`, `/v1/session`, and what the pages read beside the reports. */
  readonly routes: readonly Route[];
  /** For the server's option of the same name. */
  readonly authenticateCookie: (cookie: string) => ApiKey | undefined;
}

/** The web console: its pages, and the sessions that they are used by. */
export function createConsole({ findKey, catalog, engine }: ConsoleOptions): ConsoleParts {
  const store = new SessionStore(findKey);
  return {
    routes: [
      ...pageRoutes(assetPath(PAGES_FOLDER)),
      ...sessionRoutes(store),
      customerSheetRoute(catalog),
      ...(engine === undefined ? [] : [liveUsageRoute(engine)]),
    ],
    authenticateCookie: cookieAuthentication(store),
  };
}
