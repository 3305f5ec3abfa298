import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
const STATUS_AT = 'HTTP/1.1 '.length;

/** What becomes of one request. */
export type Answered = (status: number, body: string) => void;

/**
 * One keep-alive connection with at most one request on its way: as little work as HTTP allows, since it shares the
 * cores with what it measures. Answers have a content-length, and bodies in latin1.
 */
export class HttpConnection {
  readonly #socket: Socket;
  readonly #onGone: () => void;
  #answered: Answered | undefined;
  #held = '';
  isOpen = true;

  private constructor(socket: Socket, onGone: () => void) {
    this.#socket = socket;
    this.#onGone = onGone;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => this.#take(String(chunk)));
    socket.on('error', () => undefined);
    socket.once('close', () => this.#gone());
  }

  /** @param onGone called once, when it breaks, whether or not a request was on its way. */
  static open(baseUrl: string, onGone: () => void): Promise<HttpConnection> {
    const { hostname, port } = new URL(baseUrl);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new HttpConnection(socket, onGone));
      });
    });
  }

  /** Sends the bytes of a request. @throws Error where one is on its way. */
  send(request: string, answered: Answered): void {
    if (this.#answered !== undefined) throw new Error('a request is on its way');
    this.#answered = answered;
    this.#socket.write(request, 'latin1');
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    this.#held = this.#held === '' ? chunk : this.#held + chunk;
    const headEnd = this.#held.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const length = /\ncontent-length: *(\d+)/i.exec(this.#held.slice(0, headEnd))?.[1];
    const end = headEnd + HEAD_END.length + Number(length ?? 0);
    if (this.#held.length < end) return;
    const answered = this.#answered;
    const status = Number(this.#held.slice(STATUS_AT, STATUS_AT + 3));
    const body = this.#held.slice(headEnd + HEAD_END.length, end);
    this.#answered = undefined;
    this.#held = this.#held.slice(end);
    answered?.(status, body);
  }

  #gone(): void {
    this.isOpen = false;
    this.#onGone();
  }
}
