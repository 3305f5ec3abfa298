import type { ComponentChildren } from 'preact';

interface ErrorPanelProps {
  readonly title: string;
  readonly message: string;
  onRetry?: (() => void) | undefined;
}

/** Something did not come: what, why, and the way on. */
export function ErrorPanel({ title, message, onRetry }: ErrorPanelProps) {
  return (
    <div class="panel panel-error" role="alert">
      <h2>{title}</h2>
      <p>{message}</p>
      {onRetry !== undefined && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Nothing there, and that is fine. */
export function EmptyPanel({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="panel panel-empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What is shown is from before: the last refresh failed. Beside the old data, in place of none. */
export function StaleNote({ message, onRetry }: { message: string; onRetry: () => void }) {
  return (
    <div class="stale" role="alert">
      <span>Not up to date: {message}</span>
      <button type="button" class="quiet" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}

/** Grey lines where rows will be: the page keeps its shape while it loads. */
export function Skeleton({ lines }: { lines: number }) {
  return (
    <div class="skeleton" aria-hidden="true">
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} class="skeleton-line" />
      ))}
    </div>
  );
}
