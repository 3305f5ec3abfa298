import type { z } from 'zod';

/** The answer of a role's process to one job. */
export type RoleReply = { readonly result: unknown } | { readonly fault: string };

/**
 * The child's side of a role: does one job after another, and ends when its parent is gone. Signals are left to the
 * parent, which Ctrl-C reaches too.
 */
export function serveRole<Job>(jobSchema: z.ZodType<Job>, work: (job: Job) => Promise<unknown>): void {
  if (process.send === undefined) throw new Error('this role is started by the load test, not by hand');
  const answer = (reply: RoleReply) => void process.send?.(reply);
  process.on('message', (message) => {
    Promise.resolve()
      .then(() => work(jobSchema.parse(message)))
      .then(
        (result) => answer({ result }),
        (error: unknown) => answer({ fault: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
  process.on('disconnect', () => process.exit(0));
  process.on('SIGINT', () => undefined);
}
