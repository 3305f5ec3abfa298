import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AnswerReader } from './answer-reader.js';
import type { Answer, Assault, Frame } from './frame.js';

/** An answer later than this is none: longer than anything a gateway waits for. */
const ANSWER_MS_MAX = 90_000;

/** One keep-alive connection, one request at a time; made anew when it ended. */
export class Connection {
  readonly #port: number;
  #socket: Socket | undefined;
  #reader = new AnswerReader();
  #bodiless = false;
  #settle: ((outcome: Answer | Error) => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** The answer to a request. @throws Error when the connection ends without one, or brings something else. */
  async ask(frame: Frame): Promise<Answer> {
    const socket = this.#socket ?? this.#connect();
    const outcome = await new Promise<Answer | Error>((resolve) => {
      this.#settle = resolve;
      this.#bodiless = frame.method === 'HEAD';
      socket.write(frame.bytes);
    });
    this.#settle = undefined;
    if (outcome instanceof Error) {
      this.close();
      throw outcome;
    }
    if (/\r\nconnection: close/i.test(outcome.head)) this.close();
    return outcome;
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #connect(): Socket {
    const socket = connect(this.#port, '127.0.0.1').setNoDelay(true);
    this.#socket = socket;
    this.#reader = new AnswerReader();
    const reader = this.#reader;
    const tell = (outcome: Answer | Error): void => {
      if (this.#socket === socket) this.#settle?.(outcome);
    };
    socket.setTimeout(ANSWER_MS_MAX, () => tell(new Error(`no answer in ${ANSWER_MS_MAX} ms`)));
    socket.on('error', (error) => tell(new Error(`the connection broke: ${error.message}`)));
    socket.on('close', () => {
      tell(new Error('the connection ended without an answer'));
      if (this.#socket === socket) this.#socket = undefined;
    });
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk);
        const answer = reader.next(this.#bodiless);
        if (answer === undefined) return;
        if (reader.rest.length > 0)
          tell(new Error(`more than one answer: ${JSON.stringify(reader.rest.toString('latin1', 0, 200))}`));
        else tell(answer);
      } catch (error) {
        tell(error instanceof Error ? error : new Error(String(error)));
      }
    });
    return socket;
  }
}

export interface Outcome {
  readonly answers: readonly Answer[];
  /** What came and is no answer. @see AnswerReader.next */
  readonly fault: string | undefined;
}

/** Carries out an assault and collects the answers. */
export async function carryOut(assault: Assault, port: number): Promise<Outcome> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  const reader = new AnswerReader();
  const answers: Answer[] = [];
  let fault: string | undefined;
  let over = false;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = () => {
      over = true;
      resolve();
    };
  });
  socket.on('error', () => end());
  socket.on('close', () => end());
  socket.on('data', (chunk) => {
    try {
      reader.push(chunk);
      for (let answer = reader.next(false); answer !== undefined; answer = reader.next(false)) answers.push(answer);
    } catch (error) {
      fault ??= error instanceof Error ? error.message : String(error);
      end();
    }
    if (answers.length >= assault.answers) end();
  });
  for (const piece of assault.pieces) {
    if (over) break;
    socket.write(piece);
    if (assault.pauseMs > 0 || assault.pieces.length > 1) await Promise.race([delay(assault.pauseMs), ended]);
  }
  if (assault.ending === 'half-close') socket.end();
  if (assault.ending === 'abort')
    socket.connecting ? socket.once('connect', () => socket.resetAndDestroy()) : socket.resetAndDestroy();
  else socket.setTimeout(assault.patienceMs, end);
  await ended;
  socket.destroy();
  return { answers, fault };
}
