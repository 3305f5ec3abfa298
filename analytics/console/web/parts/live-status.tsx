import { formatClock } from '../pure/format.js';

interface LiveStatusProps {
  readonly updatedAtMs: number | undefined;
  readonly paused: boolean;
  onToggle(): void;
}

/** When the numbers came, and a way to hold them still. */
export function LiveStatus({ updatedAtMs, paused, onToggle }: LiveStatusProps) {
  return (
    <span class="live">
      <span class={paused ? 'live-dot' : 'live-dot live-dot-on'} aria-hidden="true" />
      <span class="live-text">{updatedAtMs === undefined ? 'Loading' : `As of ${formatClock(updatedAtMs)}`}</span>
      <button type="button" class="quiet" onClick={onToggle} aria-pressed={paused}>
        Pause<span class="visually-hidden"> updates</span>
      </button>
    </span>
  );
}
