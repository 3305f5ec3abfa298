/**
 * Where a test may make a process die: between the numbered steps of relay and sink, whose comments say what is left
 * behind there. Named by the process and the step that is done, or about to begin.
 */
export const FAIL_POINTS = [
  'relay 1 recovered',
  'relay 2 read',
  'relay 3 same epoch',
  'relay 4 published',
  'relay 5 acknowledged',
  'sink 1 taken over',
  'sink 2 read',
  'sink 3 looked up',
  'sink 4 before insert',
  'sink 4 after insert',
  'sink 5 before acknowledge',
  'sink 5 acknowledged',
] as const;
export type FailPoint = (typeof FAIL_POINTS)[number];

let listener: ((point: FailPoint) => void) | undefined;

/**
 * Has every passed fail point told. For tests: nothing of Weir calls it, and no setting does. It takes a module of one's
 * own that is loaded before the main (loadtest/harness/die-at.ts).
 */
export function listenAtFailPoints(listen: (point: FailPoint) => void): void {
  listener = listen;
}

/** Says that the process is there. Without a listener it does nothing; points are passed once a round, never once a check. */
export function passFailPoint(point: FailPoint): void {
  listener?.(point);
}
