import type { Answer } from './frame.js';

const HEAD_END = Buffer.from('\r\n\r\n');
const HEAD_BYTES_MAX = 64 * 1024;
const STATUS_LINE = /^HTTP\/1\.1 (\d{3})(?: |\r|$)/;

/** Cuts the bytes of a connection into HTTP/1.1 answers (RFC 9112, section 6.3). */
export class AnswerReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Bytes that are no whole answer yet. */
  get rest(): Buffer {
    return this.#rest;
  }

  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
  }

  /**
   * The next whole answer; undefined when it has not come yet. Interim answers (1xx) are passed over.
   * @param bodiless the answer to HEAD: it names a length and has no body, unless the parser answers, which knows no HEAD.
   * @throws Error for bytes that are no answer.
   */
  next(bodiless: boolean): Answer | undefined {
    for (;;) {
      const end = this.#rest.indexOf(HEAD_END);
      if (end < 0) {
        if (this.#rest.length > HEAD_BYTES_MAX) throw new Error('the head of an answer does not end');
        return undefined;
      }
      const head = this.#rest.toString('latin1', 0, end);
      const status = Number(STATUS_LINE.exec(head)?.[1]);
      if (!Number.isFinite(status)) throw new Error(`no answer: ${JSON.stringify(head.slice(0, 200))}`);
      const start = end + HEAD_END.length;
      const empty = (bodiless && /\r\ncontent-type:/i.test(head)) || status < 200 || status === 204 || status === 304;
      const length = empty ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
      // Nothing that a gateway answers is streamed; what the parser itself answers has no length, and ends the connection.
      const stop = Number.isFinite(length) ? start + length : this.#rest.length;
      if (this.#rest.length < stop) return undefined;
      const body = this.#rest.subarray(start, stop);
      this.#rest = this.#rest.subarray(stop);
      if (status >= 200) return { status, head, body };
    }
  }
}
