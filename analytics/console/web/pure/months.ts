/** Calendar months as reports name them: `2026-11`. */

const name = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric', timeZone: 'UTC' });

/** The month of an instant in a time zone. */
export function monthOf(ms: number, timezone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, year: 'numeric', month: '2-digit' });
  return parts.format(ms).slice(0, 7);
}

/** This month and those before it, newest first. */
export function lastMonths(ms: number, timezone: string, count: number): string[] {
  const [year = 0, month = 0] = monthOf(ms, timezone).split('-').map(Number);
  return Array.from({ length: count }, (_, back) =>
    new Date(Date.UTC(year, month - 1 - back, 1)).toISOString().slice(0, 7),
  );
}

/** `2026-11` → `November 2026` */
export const monthName = (month: string): string => name.format(Date.parse(`${month}-01T00:00:00Z`));
