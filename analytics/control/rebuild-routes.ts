import { WeirError } from '../../engine/index.js';
import type { Route } from '../../ingest/http/index.js';
import type { Rebuilder } from '../rebuild/rebuilder.js';
import { actorOf, operatorOnly } from './operator.js';

/** Redis made anew from catalog and ledger. @param current undefined until NATS is reached. */
export function rebuildRoutes(current: () => Rebuilder | undefined): Route[] {
  const running = (): Rebuilder => {
    const rebuilder = current();
    if (rebuilder === undefined) throw new WeirError('ledger_behind', 'NATS is not reached, or NATS_URL not set');
    return rebuilder;
  };
  const routes: Route[] = [
    {
      method: 'POST',
      path: '/v1/rebuild',
      scope: 'admin',
      summary: 'Begins to make Redis anew from catalog and ledger where it was lost, unless that is under way.',
      async handle(context) {
        return { status: 202, json: running().start(actorOf(context)) };
      },
    },
    {
      method: 'GET',
      path: '/v1/rebuild',
      scope: 'admin',
      summary: 'How far the rebuild is, or how the last one ended.',
      async handle() {
        return { status: 200, json: running().state };
      },
    },
  ];
  return routes.map(operatorOnly);
}
