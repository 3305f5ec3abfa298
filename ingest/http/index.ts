/** The shared HTTP edge: a server on uWebSockets.js, for the data plane and the control plane. */

export { type Authenticate, assertCustomer, hasScope } from './auth.js';
export { BodyReader, RequestAborted, unpack } from './body.js';
export { headerText } from './context.js';
export { HotCounter, HotHistogram } from './metrics.js';
export { errorReply, statusLine } from './respond.js';
export { type HttpServer, type HttpServerOptions, startHttpServer } from './server.js';
export type { Edge, FastHandler, Readiness, Reply, RequestContext, Route, WireBody } from './types.js';
export { issueError, parseJson, validate } from './validate.js';
