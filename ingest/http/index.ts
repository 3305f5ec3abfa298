/** The shared HTTP edge: a server on uWebSockets.js, for the data plane and the control plane. */

export { HotCounter, type HotHistogram } from '../../engine/platform/hot-metrics.js';
export { type Authenticate, assertCustomer } from './auth.js';
export { BodyReader, RequestAborted, unpack } from './body.js';
export { decodeParameter } from './context.js';
export { givenRequestId, makeRequestId, REQUEST_ID_HEADER } from './request-id.js';
export { endRequestSpan, startRequestSpan } from './request-span.js';
export { errorReply, type Failure, failureBody, failureReply, sendSmall } from './respond.js';
export { CLIENT_GONE } from './serve.js';
export { type HttpServer, type HttpServerOptions, startHttpServer } from './server.js';
export type { Edge, FastHandler, Readiness, Reply, RequestContext, Route, WireBody } from './types.js';
export { parseJson, validate } from './validate.js';
