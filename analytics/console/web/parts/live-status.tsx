import { formatClock } from '../pure/format.js';

interface LiveStatusProps {
  readonly updatedAtMs: number | undefined;
  readonly paused: boolean;
  /** The last try came to nothing. */
  readonly failing: boolean;
  onToggle(): void;
}

/** When the numbers came, and a way to hold them still. */
export function LiveStatus({ updatedAtMs, paused, failing, onToggle }: LiveStatusProps) {
  return (
    <span class="live">
      <span class={`live-dot ${failing ? 'live-dot-failing' : paused ? '' : 'live-dot-on'}`} aria-hidden="true" />
      <span>{updatedAtMs === undefined ? (failing ? 'No data' : 'Loading') : `As of ${formatClock(updatedAtMs)}`}</span>
      <button type="button" class="quiet" onClick={onToggle} aria-pressed={paused}>
        Pause<span class="visually-hidden"> updates</span>
      </button>
    </span>
  );
}
