import type { ApiKey } from '../../engine/index.js';
import { assetPath } from '../../engine/platform/assets.js';
import type { Route } from '../../ingest/http/index.js';
import { pageRoutes } from './pages.js';
import { cookieAuthentication, sessionRoutes } from './session.js';
import { SessionStore } from './session-store.js';

/** Where the build puts the pages, from the sources as well as from dist/. */
const PAGES_FOLDER = 'dist/analytics/console/web';

/** What the control plane's server takes from the console. */
export interface ConsoleParts {
  /** `/`, `/assets/*` and `/v1/session`. */
  readonly routes: readonly Route[];
  /** For the server's option of the same name. */
  readonly authenticateCookie: (cookie: string) => ApiKey | undefined;
}

/**
 * The web console: its pages, and the sessions that they are used by.
 *
 * @param findKey the edge's look-up of a raw key, the operator's key included (`withAdminKey`); asked on every request
 * of a session, so that a revoked key ends its sessions at once.
 */
export function createConsole(findKey: (rawKey: string) => ApiKey | undefined): ConsoleParts {
  const store = new SessionStore(findKey);
  return {
    routes: [...pageRoutes(assetPath(PAGES_FOLDER)), ...sessionRoutes(store)],
    authenticateCookie: cookieAuthentication(store),
  };
}
