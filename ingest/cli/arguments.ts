import { parseArgs } from 'node:util';
import { type Command, type OptionSpec, UsageError } from './command.js';
import { didYouMean } from './nearest.js';

/** Options that every command has. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  help: { type: 'flag', help: 'show this help' },
};

/** A command's arguments, read by type. Every reader throws UsageError that names the option. */
export class Arguments {
  readonly operands: readonly string[];
  readonly #flags: ReadonlySet<string>;
  readonly #texts: ReadonlyMap<string, readonly string[]>;

  constructor(operands: readonly string[], flags: ReadonlySet<string>, texts: ReadonlyMap<string, readonly string[]>) {
    this.operands = operands;
    this.#flags = flags;
    this.#texts = texts;
  }

  /** An operand by its place; the command's bounds say which are there. */
  operand(place: number): string {
    return this.operands[place] ?? '';
  }

  flag(name: string): boolean {
    return this.#flags.has(name);
  }

  text(name: string): string | undefined {
    return this.#texts.get(name)?.[0];
  }

  list(name: string): readonly string[] {
    return this.#texts.get(name) ?? [];
  }

  has(name: string): boolean {
    return this.#flags.has(name) || this.#texts.has(name);
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw new UsageError(`--${name} is needed`);
    return value;
  }

  /** One of some words. */
  choice<T extends string>(name: string, choices: readonly T[], byDefault: T): T {
    const value = this.text(name);
    if (value === undefined) return byDefault;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw new UsageError(`--${name} is one of ${choices.join(', ')}, not ${quote(value)}${didYouMean(value, choices)}`);
  }

  /** A whole number within bounds. */
  whole(name: string, min: number, max: number, byDefault: number): number {
    const value = this.text(name);
    if (value === undefined) return byDefault;
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(`--${name} is a whole number from ${min} to ${max}, not ${quote(value)}`);
  }

  /** A decimal number within bounds. */
  decimal(name: string, min: number, max: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,9}(\.\d{1,9})?$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(`--${name} is a number from ${min} to ${max}, not ${quote(value)}`);
  }

  /** `NAME=VALUE` pairs, in order; the name is what stands before the first `=`. */
  pairs(name: string): [string, string][] {
    return this.list(name).map((text) => {
      const at = text.indexOf('=');
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
      throw new UsageError(`--${name} takes NAME=VALUE, not ${quote(text)}`);
    });
  }
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 80));

/** Reads a command's arguments; `help` alone needs no operands. @throws UsageError */
export function parseArguments(command: Command, args: readonly string[]): Arguments {
  const options = { ...COMMON_OPTIONS, ...command.options };
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { type }]) => [
        name,
        { type: type === 'flag' ? ('boolean' as const) : ('string' as const) },
      ]),
    ),
    // Not strict: the messages of our own say what was meant.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const operands: string[] = [];
  const flags = new Set<string>();
  const texts = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const spec = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (spec === undefined) throw unknownOption(token.rawName, Object.keys(options));
    if (spec.type === 'flag') {
      if (token.value !== undefined) throw new UsageError(`--${token.name} takes no value`);
      flags.add(token.name);
    } else {
      const { value } = token;
      if (value === undefined || (!token.inlineValue && value.startsWith('--'))) {
        throw new UsageError(`--${token.name} needs a value: --${token.name} ${spec.value ?? 'VALUE'}`);
      }
      const before = texts.get(token.name);
      if (before === undefined) texts.set(token.name, [value]);
      else if (spec.multiple) before.push(value);
      else throw new UsageError(`--${token.name} is given twice`);
    }
  }
  if (!flags.has('help')) checkOperands(command, operands);
  return new Arguments(operands, flags, texts);
}

function unknownOption(written: string, names: readonly string[]): UsageError {
  const options = names.map((name) => `--${name}`);
  return new UsageError(`there is no option ${written}${didYouMean(written, options)}`);
}

function checkOperands(command: Command, operands: readonly string[]): void {
  if (operands.length < command.operandsMin) {
    throw new UsageError(`it takes ${command.operands}`);
  }
  if (operands.length > command.operandsMax) {
    const extra = operands[command.operandsMax] ?? '';
    throw new UsageError(
      command.operandsMax === 0
        ? `it takes no operands, not ${quote(extra)}`
        : `it takes ${command.operands}; what is ${quote(extra)}?`,
    );
  }
}
