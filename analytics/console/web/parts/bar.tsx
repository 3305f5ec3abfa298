import { formatPercent } from '../pure/format.js';
import { type Tone, toneOf } from '../pure/words.js';

/** A share as a bar. It says nothing that the percentage beside it does not, so it is not read out. */
export function Bar({ percent, tone = toneOf(percent) }: { percent: number; tone?: Tone }) {
  return (
    <span class={`bar tone-${tone}`} aria-hidden="true">
      <span class="bar-fill" style={{ width: `${Math.max(0, Math.min(100, percent))}%` }} />
    </span>
  );
}

interface ShareProps {
  /** Rounded down to one decimal. */
  readonly percent: number;
  /** True when there is something, though the percentage rounds to 0. */
  readonly some?: boolean;
  readonly href: string;
  /** What it is a share of: `of chat monthly`. */
  readonly label: string;
}

/** The percentage with its bar. */
export function Share({ percent, some = false, href, label }: ShareProps) {
  const text = percent === 0 && some ? '< 0.1%' : formatPercent(percent);
  return (
    <a class={`share tone-${toneOf(percent)}`} href={href} aria-label={`${text} ${label}`}>
      <Bar percent={percent} />
      <span class="share-text">{text}</span>
    </a>
  );
}
