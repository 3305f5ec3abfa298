import { z } from 'zod';

/** What the bare server answers with. */
export const bareJobSchema = z.strictObject({
  /** Such as `200 OK`. */
  status: z.string(),
  /** Headers of a real answer, but those that every server adds by itself. */
  headers: z.array(z.tuple([z.string(), z.string()])),
  body: z.string(),
});
export type BareJob = z.output<typeof bareJobSchema>;
export const bareResultSchema = z.object({ port: z.int() });
export type BareResult = z.output<typeof bareResultSchema>;
