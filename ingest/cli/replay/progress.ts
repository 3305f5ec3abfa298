import type { Io } from '../io.js';
import { groupDigits } from '../output.js';
import type { LineSource } from './lines.js';
import type { Tally } from './tally.js';

const REDRAW_MS = 200;
const LINE_MS = 5_000;
const BAR_CHARS = 24;
/** Takes back what stands in the line of a terminal. */
export const ERASE = '\r\u{1b}[K';

/** `[######......] 50 %` of a share from 0 to 1. */
export function barText(share: number): string {
  const filled = Math.round(share * BAR_CHARS);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_CHARS - filled)}] ${Math.floor(share * 100)} %`;
}

/** How far a replay is: a bar on a terminal, else a line every few seconds. */
export class Progress {
  readonly #io: Io;
  readonly #source: LineSource;
  readonly #tally: Tally;
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(io: Io, source: LineSource, tally: Tally) {
    this.#io = io;
    this.#source = source;
    this.#tally = tally;
    this.#timer = setInterval(() => this.#show(), io.isErrTerminal ? REDRAW_MS : LINE_MS);
  }

  /** A line above the bar. */
  tell(line: string): void {
    this.#io.err(`${this.#io.isErrTerminal ? ERASE : ''}${line}\n`);
  }

  /** @returns the seconds since the start. */
  stop(): number {
    clearInterval(this.#timer);
    if (this.#io.isErrTerminal) this.#io.err(ERASE);
    return (performance.now() - this.#startedMs) / 1_000;
  }

  #show(): void {
    const { rows, rejections } = this.#tally;
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    const rate = groupDigits(String(Math.round(rows / seconds)));
    const rejected = rejections === 0 ? '' : `, ${groupDigits(String(rejections))} rejected`;
    const counts = `${groupDigits(String(rows))} rows, ${rate}/s${rejected}`;
    const { bytesTotal, bytesRead } = this.#source;
    const share = bytesTotal === undefined || bytesTotal === 0 ? undefined : Math.min(1, bytesRead / bytesTotal);
    if (!this.#io.isErrTerminal) {
      this.#io.err(`${share === undefined ? '' : `${Math.floor(share * 100)} % read: `}${counts}\n`);
    } else if (share === undefined) this.#io.err(`${ERASE}${counts}`);
    else this.#io.err(`${ERASE}${barText(share)}  ${counts}`);
  }
}
