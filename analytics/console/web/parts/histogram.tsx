import { formatAmount } from '../pure/format.js';

interface HistogramProps {
  /** Customers by tenths of what is included; the last for all of it and more. */
  readonly distribution: readonly number[];
}

/** Columns by tenths. What they say stands in words beside them for screen readers. */
export function Histogram({ distribution }: HistogramProps) {
  const highest = Math.max(1, ...distribution);
  const words = distribution.flatMap((count, tenth) =>
    count === 0 ? [] : [`${formatAmount(String(count))} at ${tenthText(tenth)}`],
  );
  return (
    <span class="histogram">
      <span class="visually-hidden">{words.length === 0 ? 'none' : words.join(', ')}</span>
      {distribution.map((count, tenth) => (
        <span
          // By their place: tenths never change it.
          key={tenth}
          class={`histogram-column ${tenth >= 10 ? 'tone-bad' : tenth >= 8 ? 'tone-warn' : ''}`}
          style={{ height: count === 0 ? '2px' : `${Math.max(8, (count / highest) * 100)}%` }}
          title={`${formatAmount(String(count))} at ${tenthText(tenth)}`}
          aria-hidden="true"
        />
      ))}
    </span>
  );
}

const tenthText = (tenth: number): string => (tenth >= 10 ? '100% or more' : `${tenth * 10} to ${tenth * 10 + 10}%`);
