interface MoreButtonProps {
  /** Rows that are asked for now, and at most. */
  readonly limit: number;
  readonly limitMax: number;
  readonly text?: string;
  readonly disabled?: boolean;
  onMore(limit: number): void;
}

/** Under a list that goes on: asks for four times as many rows. Past the most of them the CSV is the better tool. */
export function MoreButton({ limit, limitMax, text = 'Show more', disabled = false, onMore }: MoreButtonProps) {
  if (limit >= limitMax) return null;
  return (
    <button type="button" class="more" disabled={disabled} onClick={() => onMore(Math.min(limitMax, limit * 4))}>
      {text}
    </button>
  );
}
