import { useEffect, useState } from 'preact/hooks';
import { formatRoute, parseRoute, type Route } from '../pure/route.js';

/** The route in the address; changes with every link. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = (): void => setHash(location.hash);
    addEventListener('hashchange', onChange);
    addEventListener(REPLACED, onChange);
    return () => {
      removeEventListener('hashchange', onChange);
      removeEventListener(REPLACED, onChange);
    };
  }, []);
  return parseRoute(hash);
}

const REPLACED = 'weir:route';

/** Goes to a route; Back returns. */
export function go(route: Route): void {
  location.hash = formatRoute(route);
}

/** Changes the address in place: for what is typed or toggled, which Back should not take apart step by step. */
export function replaceRoute(route: Route): void {
  history.replaceState(null, '', formatRoute(route));
  dispatchEvent(new Event(REPLACED));
}
