/** Tables for people, and CSV and JSON for programs. */

export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Rows under their titles, aligned; '' for no rows. Numbers stand on the right. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const widths = columns.map(({ title }, index) =>
    Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row[index] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ right }, index) => {
        const cell = cells[index] ?? '';
        const padding = ' '.repeat((widths[index] ?? 0) - displayWidth(cell));
        return right ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [columns.map(({ title }) => title), ...rows].map((cells) => `${line(cells)}\n`).join('');
}

/** Columns on a terminal: wide scripts take two, marks none. */
function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/u.test(
      character,
    )
      ? 2
      : 1;
  }
  return width;
}

/** A value as a cell shows it: digits in groups of three, `-` for nothing, no control characters. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'number' || (typeof value === 'string' && isDecimal(value))) return groupDigits(String(value));
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cellText).join(' ');
  return plainText(
    typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value),
  );
}

const isDecimal = (text: string): boolean => /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text);

/** `1234567.5` → `1 234 567.5`. */
export function groupDigits(number: string): string {
  const [whole = '', fraction] = number.split('.', 2);
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ' ');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Text from outside must not move the cursor or colour the terminal. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}

/** Rows of objects as a table: the columns in the given order, numbers on the right. */
export function rowsTable(columns: readonly string[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  const shown = columns.map((name) => ({
    title: titleOf(name),
    right: rows.every((row) => isNumeric(row[name])),
  }));
  return table(
    shown,
    rows.map((row) => columns.map((name) => cellText(row[name]))),
  );
}

const isNumeric = (value: unknown): boolean =>
  value === null || value === undefined || typeof value === 'number' || (typeof value === 'string' && isDecimal(value));

/** `utilizationPercent` → `UTILIZATION PERCENT`. */
const titleOf = (name: string): string => name.replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase();

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
