import { connect, createServer, type Server, type Socket } from 'node:net';

/** How a connection fails: all are cut and none is made; nothing gets through, and nobody is told; all are cut once. */
export type Disturbance = 'cut' | 'silent' | 'reset';

/** Stands between processes and a service on loopback, and can fail as a network does. */
export class TcpProxy {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state: 'open' | 'cut' | 'silent' = 'open';

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
  }

  /** Listens on a free port of loopback. */
  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new TcpProxy(server, targetPort);
    server.on('connection', (socket) => proxy.#join(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#pairs.size;
  }

  disturb(disturbance: Disturbance): void {
    if (disturbance === 'silent') {
      this.#state = 'silent';
      for (const pair of this.#pairs) for (const socket of pair) socket.pause();
      return;
    }
    if (disturbance === 'cut') this.#state = 'cut';
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** What was silent goes on where it stood: what was sent meanwhile arrives now. */
  restore(): void {
    this.#state = 'open';
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  async stop(): Promise<void> {
    this.disturb('cut');
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#state === 'cut') {
      client.destroy();
      return;
    }
    const service = connect({ port: this.#targetPort, host: '127.0.0.1', noDelay: true });
    service.on('error', () => undefined);
    const pair = [client, service] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [service, client] as const]) {
      // Not by pipe(), which resumes by itself when the other side drains.
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => {
        if (this.#state !== 'silent') from.resume();
      });
      from.once('end', () => to.end());
      from.once('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#state === 'silent') for (const socket of pair) socket.pause();
  }
}
