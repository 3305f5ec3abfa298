import type { Config } from '../../engine/platform/config.js';
import type { Logger } from '../../engine/platform/log.js';
import type { Route } from '../../ingest/http/index.js';
import { portalLinkRoute, portalSessionRoutes } from './link-routes.js';
import { Sealer } from './seal.js';
import { type PortalDependencies, portalUsageRoutes } from './usage-routes.js';

type PortalOptions = Omit<PortalDependencies, 'sealer'> & {
  /** Makes the keys that sign; see Sealer. */
  readonly adminKey: Config['adminKey'];
  readonly log: Logger;
};

/** The customer portal: links that operators make, and what a session that came by one may see. */
export function createPortal({ adminKey, log, ...dependencies }: PortalOptions): readonly Route[] {
  const { catalog, now } = dependencies;
  const sealer = new Sealer(adminKey, now);
  return [
    portalLinkRoute(sealer, catalog, log),
    ...portalSessionRoutes(sealer, catalog),
    ...portalUsageRoutes({ ...dependencies, sealer }),
  ];
}
