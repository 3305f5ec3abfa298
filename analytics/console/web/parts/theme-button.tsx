import { useEffect, useState } from 'preact/hooks';
import { chooseTheme, onTheme, theme } from '../theme.js';

/** Light or dark, the other one at a click. */
export function ThemeButton() {
  const [shown, setShown] = useState(theme);
  useEffect(() => onTheme(() => setShown(theme())), []);
  const other = shown === 'dark' ? 'light' : 'dark';
  return (
    <button type="button" class="quiet icon-button" onClick={() => chooseTheme(other)} title={`Use the ${other} theme`}>
      <span class="visually-hidden">Use the {other} theme</span>
      <svg
        width="18"
        height="18"
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        aria-hidden="true"
      >
        {other === 'dark' ? (
          <path d="M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z" stroke-linejoin="round" />
        ) : (
          <>
            <circle cx="12" cy="12" r="4" />
            <path d="M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2" stroke-linecap="round" />
          </>
        )}
      </svg>
    </button>
  );
}
