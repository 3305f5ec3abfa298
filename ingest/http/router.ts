import { parameterNames } from './context.js';
import type { Route } from './types.js';

/** The routes of one path, by method. */
export interface PathRoutes {
  readonly path: string;
  readonly parameters: readonly string[];
  readonly byMethod: ReadonlyMap<string, Route>;
  /** The `Allow` header of a 405. */
  readonly allow: string;
}

/** Groups routes by path. @throws Error when a path has two routes for one method. */
export function groupRoutes(routes: readonly Route[]): PathRoutes[] {
  const paths = new Map<string, Map<string, Route>>();
  for (const route of routes) {
    const byMethod = paths.get(route.path) ?? new Map<string, Route>();
    if (byMethod.has(route.method)) throw new Error(`${route.method} ${route.path} is there twice`);
    byMethod.set(route.method, route);
    paths.set(route.path, byMethod);
  }
  return [...paths].map(([path, byMethod]) => {
    const allowed = [...byMethod.keys()];
    if (byMethod.has('GET')) allowed.push('HEAD');
    return { path, parameters: parameterNames(path), byMethod, allow: allowed.join(', ') };
  });
}

/** The route for a method in capitals; HEAD is answered by GET, without the body. */
export function routeFor(routes: PathRoutes, method: string): Route | undefined {
  const own = routes.byMethod.get(method) ?? routes.byMethod.get('ANY');
  return own ?? (method === 'HEAD' ? routes.byMethod.get('GET') : undefined);
}
