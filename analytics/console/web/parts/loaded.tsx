import type { ComponentChildren } from 'preact';
import type { Resource } from '../hooks/use-resource.js';
import { EmptyPanel, ErrorPanel, Skeleton, StaleNote } from './panels.js';

interface LoadedProps<T> {
  readonly resource: Resource<T>;
  /** `the plans`: completes "… did not come". */
  readonly what: string;
  readonly lines?: number;
  children(data: NonNullable<T>): ComponentChildren;
}

/** What was asked for, once it is there; before that its shape, or why it is not. Null data: this Weir has no such part. */
export function Loaded<T>({ resource, what, lines = 5, children }: LoadedProps<T>) {
  const { data, error, loading, reload } = resource;
  if (data === undefined) {
    return error === undefined ? (
      <Skeleton lines={lines} />
    ) : (
      <ErrorPanel title={`${capital(what)} did not come`} message={error.message} onRetry={reload} />
    );
  }
  if (data === null) {
    return (
      <EmptyPanel title="Not available here">
        <p>This Weir does not answer for {what}.</p>
      </EmptyPanel>
    );
  }
  return (
    <>
      {error !== undefined && <StaleNote message={error.message} onRetry={reload} />}
      <div class={loading ? 'dimmed' : undefined} aria-busy={loading}>
        {children(data)}
      </div>
    </>
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
