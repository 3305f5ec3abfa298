/** What a command sees of the process: given by main, replaced by tests. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  /** Hands bytes over and waits until there is room for more. */
  outBytes(bytes: Uint8Array): Promise<void>;
  /** Standard input, for a file named `-`. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** True when standard error is a terminal: progress may be drawn there. */
  readonly isErrTerminal: boolean;
  /** Aborted by Ctrl-C: a long command ends in order. */
  readonly signal: AbortSignal;
}
