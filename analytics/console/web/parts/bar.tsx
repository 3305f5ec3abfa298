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

/** The percentage with its bar. */
export function Share({ percent, href, label }: { percent: number; href: string; label: string }) {
  return (
    <a class={`share tone-${toneOf(percent)}`} href={href} aria-label={`${formatPercent(percent)} ${label}`}>
      <Bar percent={percent} />
      <span class="share-text">{formatPercent(percent)}</span>
    </a>
  );
}
