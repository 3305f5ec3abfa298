/**
 * The part of autocannon 9.0.0 that the load generator uses; the package ships no types. Its version is pinned, so what
 * is marked as internal stays where it is.
 */
declare module 'autocannon' {
  namespace autocannon {
    interface Request {
      readonly method: 'POST';
      readonly path: string;
      readonly headers: Record<string, string>;
      readonly body: string | Buffer;
      /**
       * Called before each sending; answers the request as it is to be sent. The context is the connection's own, until
       * its requests begin anew.
       */
      readonly setupRequest?: (request: Request, context: Record<string, string>) => Request;
      readonly onResponse: (status: number, body: string) => void;
    }

    /** One connection. */
    interface Client {
      setRequests(requests: readonly Request[]): void;
      on(event: 'response', listener: (status: number, bytes: number, latencyMs: number) => void): void;
      /** Internal: requests sent so far, and how many it sends before it ends by itself with all of them answered. */
      readonly reqsMade: number;
      responseMax: number | undefined;
    }

    interface Options {
      readonly url: string;
      readonly connections: number;
      readonly pipelining: number;
      /** Seconds. */
      readonly duration: number;
      /** Requests over all connections; then `duration` does not count. */
      readonly amount?: number;
      /** Seconds until a request counts as unanswered. */
      readonly timeout: number;
      /** How often it looks whether it is done, ms. */
      readonly sampleInt: number;
      readonly setupClient: (client: Client) => void;
    }

    interface Result {
      /** Connections that broke, and requests that timed out. */
      readonly errors: number;
      readonly timeouts: number;
    }
  }
  function autocannon(options: autocannon.Options): PromiseLike<autocannon.Result>;
  export = autocannon;
}
