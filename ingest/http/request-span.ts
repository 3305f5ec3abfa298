import type { Span } from '@opentelemetry/api';
import type { Tracing } from '../../engine/platform/tracing.js';

/** Begins the span of one request. Its address is told by the route alone: a path may name customers. */
export function startRequestSpan(tracing: Tracing, method: string, route: string, traceparent: string): Span {
  return tracing.start(`${method} ${route}`, {
    kind: 'server',
    traceparent,
    attributes: { 'http.request.method': method, 'http.route': route },
  });
}

/** Ends it with the status that was sent. */
export function endRequestSpan(tracing: Tracing, span: Span, status: number): void {
  span.setAttribute('http.response.status_code', status);
  if (status >= 500) tracing.fail(span, String(status));
  else span.end();
}
