import { WeirApiError } from '../client/index.js';
import { CommandError, EXIT_NO, EXIT_USAGE, UsageError } from './command.js';
import { plainText } from './output.js';

/** What to do about failures that the registry of errors does not know. */
const ADVICE: Readonly<Record<string, string>> = {
  unreachable:
    'Start Weir with "npm start", or say where it is by WEIR_URL and WEIR_CONSOLE_URL. "weir doctor" looks closer.',
  timeout: 'Is it overloaded? "weir doctor" looks closer.',
};

const DETAILS_MAX = 50;

/** A failure as text for standard error, and the exit code. @throws what is no expected failure. */
export function explainFailure(error: unknown, command: string): { text: string; exitCode: number } {
  if (error instanceof UsageError) {
    const help = command === '' ? 'weir help' : `weir help ${command}`;
    return {
      text: `weir${command === '' ? '' : ` ${command}`}: ${plainText(error.message)}\nSee: ${help}\n`,
      exitCode: EXIT_USAGE,
    };
  }
  if (error instanceof CommandError) return { text: `weir: ${plainText(error.message)}\n`, exitCode: EXIT_NO };
  if (error instanceof WeirApiError) return { text: apiFailure(error), exitCode: EXIT_NO };
  throw error;
}

function apiFailure(error: WeirApiError): string {
  const lines = [`weir: ${error.code}: ${plainText(error.message)}`];
  if (error.field !== undefined) lines.push(`  field: ${plainText(error.field)}`);
  for (const detail of error.details.slice(0, DETAILS_MAX)) lines.push(`  ${detailText(detail)}`);
  const more = error.details.length - DETAILS_MAX;
  if (more > 0) lines.push(`  and ${more} more`);
  const advice = ADVICE[error.code];
  if (advice !== undefined) lines.push(`  ${advice}`);
  if (error.docs !== undefined) lines.push(`  more: ${plainText(error.docs)}`);
  return `${lines.join('\n')}\n`;
}

/** A fault of a catalog as `line:column path: message`; anything else as JSON. */
function detailText(detail: unknown): string {
  if (typeof detail !== 'object' || detail === null || !('message' in detail)) return plainText(JSON.stringify(detail));
  const place = 'line' in detail && Number(detail.line) > 0 ? `line ${String(detail.line)}` : '';
  const column = place !== '' && 'column' in detail ? `:${String(detail.column)}` : '';
  const path = 'path' in detail && detail.path !== '' ? String(detail.path) : '';
  const where = [place + column, path].filter((part) => part !== '').join(' ');
  return plainText(`${where}${where === '' ? '' : ': '}${String(detail.message)}`);
}
