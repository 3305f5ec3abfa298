/** Rates at one moment, per second. */
export interface RatePoint {
  readonly atMs: number;
  readonly checks: number;
  readonly denied: number;
}

/** The points of the last `spanMs`, with one more; a time that does not go on is left out. */
export function withPoint(points: readonly RatePoint[], point: RatePoint, spanMs: number): readonly RatePoint[] {
  const last = points.at(-1);
  if (last !== undefined && point.atMs <= last.atMs) return points;
  return [...points.filter(({ atMs }) => atMs > point.atMs - spanMs), point];
}
