/** One request as it goes over the wire, and what is needed to judge its answer. */
export interface Frame {
  /** What is odd about it, for the report: `check`, `events gzip`. */
  readonly kind: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly customer: string;
  /** The body before it was packed. */
  readonly body: string;
  readonly bytes: Buffer;
}

/** Bytes for a connection of their own, and how it ends. */
export interface Assault {
  readonly kind: string;
  readonly customer: string;
  /** Malformed requests and frames in it: what is counted. */
  readonly frames: number;
  /** Written one after the other, each after the pause. */
  readonly pieces: readonly Buffer[];
  readonly pauseMs: number;
  /**
   * - `wait`: for answers, until nothing comes any more
   * - `half-close`: FIN after the last piece, then as `wait`
   * - `abort`: FIN and RST at once, unread answers and all
   */
  readonly ending: 'wait' | 'half-close' | 'abort';
  /** How long an answer may take after the last one. */
  readonly patienceMs: number;
  /** Answers after this many are enough. */
  readonly answers: number;
}

export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}
