/** Light or dark: as the system says, unless one was chosen here. */
export type Theme = 'light' | 'dark';

const STORED = 'weir-theme';
const CHANGED = 'weir:theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

const isTheme = (value: string | null): value is Theme => value === 'light' || value === 'dark';

/** Storage may be refused by the browser: then a choice lasts as long as the page. */
function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

const ofSystem = (): Theme => (dark.matches ? 'dark' : 'light');

let chosen: Theme | undefined;

/** The theme that is shown. */
export const theme = (): Theme => chosen ?? ofSystem();

function show(): void {
  document.documentElement.dataset.theme = theme();
  dispatchEvent(new Event(CHANGED));
}

/** Shows the theme, and follows the system from then on. Called once, before anything is painted. */
export function startTheme(): void {
  const kept = stored();
  chosen = isTheme(kept) ? kept : undefined;
  dark.addEventListener('change', show);
  show();
}

/** Chooses a theme; the system's own is followed again. */
export function chooseTheme(next: Theme): void {
  chosen = next === ofSystem() ? undefined : next;
  try {
    if (chosen === undefined) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, chosen);
  } catch {
    // The choice lasts as long as the page.
  }
  show();
}

/** Calls when another theme is shown; answers how to stop that. */
export function onTheme(handler: () => void): () => void {
  addEventListener(CHANGED, handler);
  return () => removeEventListener(CHANGED, handler);
}
