/** One thing that was looked at: `ok`, `warn` (works, but not for long or not for sure), or `fail`. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly subject: string;
  /** What was found, and what to do about it. */
  readonly text: string;
}
