import { createServer } from 'node:net';

/** Binds a port for a moment. @returns the port, or undefined when somebody else has it. @throws for an address that is not ours. */
function bind(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if ('code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES')) resolve(undefined);
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}

/**
 * Refuses a port that somebody else listens on. uWebSockets would share it in silence, and half of the requests would
 * go to a stranger.
 *
 * @throws Error naming the setting
 */
export async function assertPortIsFree(setting: string, host: string, port: number): Promise<void> {
  if ((await bind(host, port)) === undefined) {
    throw new Error(
      `${setting} ${port} on ${host} is taken by another program, or not allowed. Stop that program, or set another ${setting}.`,
    );
  }
}

/** A port of loopback that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const port = await bind('127.0.0.1', 0);
  if (port === undefined) throw new Error('there is no free port on 127.0.0.1');
  return port;
}

/** A URL to reach a listening address by: one that listens everywhere is reached on loopback. */
export function httpUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
