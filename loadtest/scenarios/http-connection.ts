import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
const STATUS_AT = 'HTTP/1.1 '.length;
/** Of one reading; longer answers come in several. */
const READ_BYTES = 16_384;

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

  /** @param onGone called once, when it breaks, whether or not a request was on its way. */
  private constructor(baseUrl: string, onGone: () => void) {
    const { hostname, port } = new URL(baseUrl);
    this.#onGone = onGone;
    // Read into one buffer, past the machinery of streams, which would cost as much again.
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const callback = (length: number): boolean => {
      this.#take(buffer.toString('latin1', 0, length));
      return true;
    };
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true, onread: { buffer, callback } });
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => this.#gone());
  }

  /** @param onGone as above. @throws Error where nobody listens. */
  static async open(baseUrl: string, onGone: () => void): Promise<HttpConnection> {
    const connection = new HttpConnection(baseUrl, onGone);
    await once(connection.#socket, 'connect');
    return connection;
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
