import { COMMON_OPTIONS } from './arguments.js';
import type { Command, OptionSpec } from './command.js';

/** Two columns, the left one as wide as its longest text. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

/** What `weir help` says. */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map((command) => [command.name, command.summary] as const);
  return [
    'weir: usage metering and quota enforcement, from the command line',
    '',
    'Usage: weir COMMAND [OPERANDS] [OPTIONS]',
    '',
    ...columns([...rows, ['help [COMMAND]', 'what a command does, with examples']]),
    '',
    'It finds the running system by WEIR_URL and WEIR_CONSOLE_URL, else by WEIR_HOME (.weir) or the ports,',
    'and the key by WEIR_KEY, WEIR_ADMIN_KEY, or the file WEIR_HOME/admin.key.',
    'Exit codes: 0 done (or allowed), 1 denied, refused or failed, 2 wrong command line.',
    '',
  ].join('\n');
}

/** What `weir help COMMAND` says. */
export function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS });
  return [
    `weir ${command.name}: ${command.summary}`,
    '',
    `Usage: weir ${command.name}${command.operands === '' ? '' : ` ${command.operands}`} [OPTIONS]`,
    '',
    ...columns(options.map(([name, spec]) => [optionText(name, spec), spec.help] as const)),
    ...(command.details ?? []).flatMap((paragraph) => ['', paragraph]),
    '',
    'Examples:',
    ...command.examples.flatMap(({ line, what }) => ['', `  # ${what}`, `  weir ${line}`]),
    '',
  ].join('\n');
}

const optionText = (name: string, spec: OptionSpec): string =>
  `--${name}${spec.type === 'text' ? ` ${spec.value ?? 'TEXT'}` : ''}${spec.multiple ? ' …' : ''}`;
