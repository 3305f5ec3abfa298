import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

/** The one link of each row that the keys move between. */
const ROW_LINK = '[data-row]';

/** Keys that move between the rows of a table: j, k, arrows, Home, End. Enter follows the link that has the focus. */
const MOVES: Readonly<Record<string, (at: number, count: number) => number>> = {
  j: (at) => at + 1,
  ArrowDown: (at) => at + 1,
  k: (at) => at - 1,
  ArrowUp: (at) => at - 1,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/**
 * Moves the focus between the rows' links. They are real links in a real table, so that Enter, a middle click and a
 * screen reader need nothing of ours.
 */
export function useRowKeys(container: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const move = MOVES[event.key];
      const root = container.current;
      if (move === undefined || root === null || !isFree(event, root)) return;
      const links = rowLinks(root);
      if (links.length === 0) return;
      const at = focusedRow(links);
      const inside = at !== -1;
      // Home and End scroll the page unless one is in the table.
      if (!inside && (event.key === 'Home' || event.key === 'End')) return;
      const to = inside ? move(at, links.length) : event.key === 'k' || event.key === 'ArrowUp' ? links.length - 1 : 0;
      const link = links[Math.max(0, Math.min(links.length - 1, to))];
      event.preventDefault();
      link?.focus();
      link?.scrollIntoView({ block: 'nearest' });
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [container]);
}

/** Typing, choosing a radio button, and scrolling elsewhere keep their keys. */
function isFree(event: KeyboardEvent, root: HTMLElement): boolean {
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target === null || target === document.body || root.contains(target)) return true;
  // From the filter the arrow leads down into what was found.
  if (target.matches('input[type="search"]')) return event.key === 'ArrowDown';
  return !target.matches('input, select, textarea') && (event.key === 'j' || event.key === 'k');
}

/**
 * Keeps the focus near when the row that had it goes away: the next one at its place takes it, instead of the page's
 * beginning. To be called by the component whose render replaces the rows.
 */
export function useFocusSurvives(container: RefObject<HTMLElement | null>): void {
  const place = useRef(-1);
  // Read while rendering: the page is still the one before.
  place.current = container.current === null ? -1 : focusedRow(rowLinks(container.current));
  useLayoutEffect(() => {
    const root = container.current;
    if (root === null || place.current === -1 || document.activeElement !== document.body) return;
    const links = rowLinks(root);
    links[Math.min(place.current, links.length - 1)]?.focus({ preventScroll: true });
  });
}

const rowLinks = (root: HTMLElement): HTMLElement[] => [...root.querySelectorAll<HTMLElement>(ROW_LINK)];

const focusedRow = (links: readonly HTMLElement[]): number =>
  links.findIndex((link) => link.closest('tr')?.contains(document.activeElement) === true);
