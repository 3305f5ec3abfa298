import type { ComponentChildren } from 'preact';
import type { Tone } from '../pure/words.js';

interface TileProps {
  readonly label: string;
  readonly value: string;
  /** What is behind the number. */
  readonly href: string;
  readonly tone?: Tone | undefined;
  readonly children?: ComponentChildren;
}

/** One number with its name, and the way to what is behind it. */
export function Tile({ label, value, href, tone, children }: TileProps) {
  return (
    <a class="tile" href={href}>
      <span class="tile-label">{label}</span>
      <span class={`tile-value${tone === undefined ? '' : ` tone-text-${tone}`}`}>{value}</span>
      <span class="tile-sub">{children}</span>
    </a>
  );
}
