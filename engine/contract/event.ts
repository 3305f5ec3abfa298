import { z } from 'zod';
import { idSchema } from './ids.js';

/**
 * One CloudEvents 1.0 event in JSON (cloudevents/spec, JSON event format 1.0). Unknown attributes are extensions and
 * pass, as the format asks; `data` is an object whose values the meters read.
 */
export const eventSchema = z.looseObject({
  specversion: z.literal('1.0').default('1.0'),
  id: idSchema,
  source: idSchema.default('weir'),
  type: idSchema,
  /** The customer. */
  subject: idSchema,
  /** When it happened, RFC 3339; left out, it is when it is charged. */
  time: z.iso.datetime({ offset: true }).nullish(),
  datacontenttype: z.string().nullish(),
  data: z.record(z.string(), z.unknown()).nullish(),
  /** Our extension: the entity below the customer. */
  entity: idSchema.optional(),
});
export type Event = z.output<typeof eventSchema>;
