import type { Arguments } from './arguments.js';
import type { Io } from './io.js';

/** Exit codes: as asked; the answer is no, or something failed; the command line is wrong. */
export const EXIT_OK = 0;
export const EXIT_NO = 1;
export const EXIT_USAGE = 2;

export interface OptionSpec {
  readonly type: 'text' | 'flag';
  /** May be given several times. */
  readonly multiple?: boolean;
  /** Name of the value in the help, such as `N` or `NAME=VALUE`. */
  readonly value?: string;
  readonly help: string;
}

/** One command: what the help says, and what it does. */
export interface Command {
  /** One or two words: `check`, `keys create`. */
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What stands after the name: `CUSTOMER FEATURE [AMOUNT]`. */
  readonly operands: string;
  readonly operandsMin: number;
  readonly operandsMax: number;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Further paragraphs of the help. */
  readonly details?: readonly string[];
  readonly examples: readonly { readonly line: string; readonly what: string }[];
  /** @returns the exit code. @throws UsageError, WeirApiError */
  run(args: Arguments, io: Io): Promise<number>;
}

/** A command line that cannot be meant: told with a hint, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Something that cannot be done, told in one line: exit code 1. */
export class CommandError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CommandError';
  }
}
