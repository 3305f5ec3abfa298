import uWS from 'uWebSockets.js';
import { serveRole } from '../scenarios/role-child.js';
import { type BareJob, type BareResult, bareJobSchema } from './bare-job.js';

const HOST = '127.0.0.1';

/**
 * The ceiling of a request over HTTP: a uWebSockets.js server that reads the same body, parses its JSON, and answers
 * with as many bytes under the same headers. It knows no key, validates nothing, decides nothing, and asks nobody.
 */
export function startBareServer({ status, headers, body }: BareJob): Promise<BareResult> {
  const [first, ...rest] = headers;
  // One call into uWS for all headers, as fast as it can be done: a ceiling must not be lower than what it measures.
  const value = [first?.[1] ?? '', ...rest.map(([name, text]) => `${name}: ${text}`)].join('\r\n');
  const app = uWS.App().post('/*', (res) => {
    let aborted = false;
    let held: Buffer | undefined;
    res.onAborted(() => {
      aborted = true;
    });
    res.onData((chunk, isLast) => {
      const bytes = Buffer.from(chunk);
      if (!isLast || held !== undefined) held = Buffer.concat(held === undefined ? [bytes] : [held, bytes]);
      if (!isLast) return;
      const parsed: unknown = JSON.parse((held ?? bytes).toString());
      if (aborted || parsed === null) return;
      res.cork(() => {
        if (status !== '200 OK') res.writeStatus(status);
        if (first !== undefined) res.writeHeader(first[0], value);
        res.end(body);
      });
    });
  });
  return new Promise((resolve, reject) => {
    app.listen(HOST, 0, (socket) => {
      if (socket === false) reject(new Error(`cannot listen on ${HOST}`));
      else resolve({ port: uWS.us_socket_local_port(socket) });
    });
  });
}

/** The bare server as a process of its own. */
export function runBareServer(): void {
  serveRole(bareJobSchema, startBareServer);
}
