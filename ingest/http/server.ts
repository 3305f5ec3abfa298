import uWS, { type us_listen_socket } from 'uWebSockets.js';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { type ApiKey, type Scope, WeirError } from '../../engine/index.js';
import type { Tracing } from '../../engine/platform/tracing.js';
import { type Authenticate, authorizeKey, readKey, withAdminKey } from './auth.js';
import { BodyWatch } from './body.js';
import { DRAIN_LINGER_MS, DRAIN_MS_MAX } from './bounds.js';
import { HttpMetrics } from './metrics.js';
import type { ApiInfo } from './openapi.js';
import { groupRoutes } from './router.js';
import { requestServer } from './serve.js';
import { systemRoutes } from './system-routes.js';
import type { Edge, Readiness, Route } from './types.js';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free port. Several processes may share one. */
  readonly port: number;
  /** What this process is, for the OpenAPI document: `gateway`, `control plane`. */
  readonly name: string;
  readonly version?: string;
  readonly routes: readonly Route[];
  /** The record of a raw key; undefined when unknown or revoked. Asked on every request. */
  readonly authenticate: Authenticate;
  /** The record behind a `cookie` header, for pages with a session; asked when a request brings no key. */
  readonly authenticateCookie?: (cookie: string) => ApiKey | undefined;
  /** WEIR_ADMIN_KEY: has every scope. */
  readonly adminKey?: string | undefined;
  readonly metrics: Registry;
  readonly ready: () => Promise<Readiness>;
  /** Hears of errors that are nobody's fault outside: for the log. */
  readonly onFault?: (error: unknown, where: string, requestId: string) => void;
  /** A body must make progress within this time; tests shorten it. */
  readonly bodyStallMs?: number;
  /** Left out, nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

export interface HttpServer {
  readonly port: number;
  readonly metrics: HttpMetrics;
  /** Stops accepting, finishes what was accepted, ends the connections. */
  close(): Promise<void>;
}

/** Starts the HTTP edge. @throws Error when the port cannot be listened on. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = new Server(options);
  await server.listen();
  return server;
}

class Server implements HttpServer, Edge {
  readonly #options: HttpServerOptions;
  readonly #app = uWS.App();
  readonly #authenticate: Authenticate;
  readonly bodies: BodyWatch;
  readonly tracing: Tracing | undefined;
  readonly metrics: HttpMetrics;
  #listenSocket: us_listen_socket | undefined;
  #inFlight = 0;
  #connections = 0;
  /** Asks again whether the drain may go on. */
  #look: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  draining = false;
  port = 0;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#authenticate = withAdminKey(options.authenticate, options.adminKey);
    this.tracing = options.tracing;
    this.bodies = new BodyWatch(undefined, options.bodyStallMs);
    this.metrics = new HttpMetrics(
      options.metrics,
      () => this.#inFlight,
      () => this.bodies.bytes,
    );
    const own = systemRoutes(options.routes, {
      metrics: options.metrics,
      info: apiInfo(options),
      ready: options.ready,
      draining: () => this.draining,
    });
    this.#app.filter((_, change) => this.#countConnections(Number(change)));
    const serve = requestServer(this, options.authenticateCookie);
    for (const group of groupRoutes([...options.routes, ...own])) {
      for (const route of group.byMethod.values()) {
        if (route.fast !== undefined) this.#app.post(route.path, route.fast(this));
      }
      this.#app.any(group.path, (res, req) => serve(res, req, group));
    }
    this.#app.any('/*', (res, req) => serve(res, req, undefined));
  }

  listen(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise<void>((resolve, reject) => {
      this.#app.listen(host, port, (socket) => {
        if (socket === false) {
          reject(new Error(`cannot listen on ${host}:${port}`));
        } else {
          this.#listenSocket = socket;
          this.port = uWS.us_socket_local_port(socket);
          resolve();
        }
      });
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  /**
   * 1. Take what the kernel has connected: closing the listening socket resets what waits there. Where processes share
   *    the port, new connections go to the others from here on.
   * 2. From now on every answer says `connection: close`. Not earlier: a client told to leave while this process still
   *    listens would come back to it. Requests under way are waited for.
   * 3. A connection that rests may have its next request on the wire: it has DRAIN_LINGER_MS to bring it.
   */
  async #drain(): Promise<void> {
    // Two turns, so that a whole round of polling lies between.
    await nextTurn();
    await nextTurn();
    if (this.#listenSocket !== undefined) uWS.us_listen_socket_close(this.#listenSocket);
    this.draining = true;
    await this.#until(() => this.#inFlight === 0, DRAIN_MS_MAX);
    await this.#until(() => this.#connections === 0, DRAIN_LINGER_MS);
    await this.#until(() => this.#inFlight === 0, DRAIN_LINGER_MS / 2);
    this.bodies.close();
    this.#app.close();
  }

  #countConnections(change: number): void {
    this.#connections += change;
    this.#look?.();
  }

  /** Resolves when the condition holds, or `ms` have passed. */
  async #until(holds: () => boolean, ms: number): Promise<void> {
    if (holds()) return;
    const timer = new AbortController();
    const held = new Promise<void>((resolve) => {
      this.#look = () => {
        if (holds()) resolve();
      };
    });
    await Promise.race([held, sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
    this.#look = undefined;
  }

  begin(): void {
    this.#inFlight += 1;
  }

  end(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#look?.();
  }

  authorize(authorization: string, weirKey: string, scope: Scope): ApiKey {
    return authorizeKey(this.#authenticate, readKey(authorization, weirKey), scope);
  }

  blame(error: unknown, where: string, requestId: string): WeirError {
    if (error instanceof WeirError) return error;
    this.#options.onFault?.(error, where, requestId);
    return new WeirError('internal');
  }
}

function apiInfo(options: HttpServerOptions): ApiInfo {
  return {
    title: `Weir ${options.name}`,
    version: options.version ?? '0',
    description: 'Usage metering and quota enforcement. Every error is { error: { code, message, field?, docs } }.',
  };
}
