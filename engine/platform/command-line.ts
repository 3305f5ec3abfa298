import { parseArgs } from 'node:util';
import { z } from 'zod';

/** A developer's command: what `--help` shows, and what it takes. */
export interface CommandLine<O extends z.ZodObject, N extends z.ZodType<readonly string[]>> {
  readonly usage: string;
  /** One field for each `--option`; those that take true only are flags, the others take a text. */
  readonly options: O;
  /** What stands beside the options. */
  readonly names: N;
}

export const NO_NAMES = z.array(z.string()).max(0, 'takes options only');

/** @throws Error that says what a command line cannot mean. */
export function parseCommandLine<O extends z.ZodObject, N extends z.ZodType<readonly string[]>>(
  command: CommandLine<O, N>,
  args: readonly string[],
): { readonly options: z.output<O>; readonly names: z.output<N> } {
  const kinds = Object.entries<z.ZodType>(command.options.shape).map(([name, schema]) => [
    name,
    { type: isFlag(schema) ? ('boolean' as const) : ('string' as const) },
  ]);
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: Object.fromEntries(kinds),
  });
  return {
    options: parsed(command.options, values, (path) => `--${path}`),
    names: parsed(command.names, positionals, () => 'arguments'),
  };
}

/**
 * Runs a developer's command: exit code 2 with the usage behind a fault for a command line that cannot be read, 0 for
 * `--help`, else what `run` says.
 */
export async function runCommandLine<O extends z.ZodObject, N extends z.ZodType<readonly string[]>>(
  command: CommandLine<O, N>,
  run: (options: z.output<O>, names: z.output<N>) => Promise<number>,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.usage);
    return;
  }
  let line: { readonly options: z.output<O>; readonly names: z.output<N> };
  try {
    line = parseCommandLine(command, args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${command.usage}`);
    process.exitCode = 2;
    return;
  }
  process.exitCode = await run(line.options, line.names);
}

const isFlag = (schema: z.ZodType): boolean => schema.safeParse(true).success && !schema.safeParse('1').success;

function parsed<S extends z.ZodType>(schema: S, value: unknown, nameOf: (path: string) => string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(result.error.issues.map(({ path, message }) => `${nameOf(path.join('.'))}: ${message}`).join('\n'));
}
