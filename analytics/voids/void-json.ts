import { z } from 'zod';
import { formatAmount, VOID_ACTOR, VOID_REASON, type VoidRequest } from '../../engine/index.js';
import { type ReportCatalog, scaleOf } from '../reports/catalog.js';
import { toInstant } from '../reports/periods.js';
import type { VoidedEvent } from './void-event.js';

const amountSchema = z.union([z.number(), z.string()]);

/** What `POST /v1/events/void` answers. */
export const voidAnswerSchema = z.object({
  customer: z.string(),
  source: z.string(),
  id: z.string(),
  entity: z.string().optional(),
  reason: z.string(),
  actor: z.string(),
  voidedAt: z.iso.datetime(),
  replayed: z.boolean(),
  facts: z.array(
    z.object({
      feature: z.string().optional(),
      meter: z.string(),
      /** Negative: what was taken back. */
      amount: amountSchema,
      happenedAt: z.iso.datetime(),
      chargedAt: z.iso.datetime(),
      /** Quotas have a window, and `used` after it: null where that window is no longer kept. Buckets have `remaining`. */
      limits: z.record(
        z.string(),
        z.union([
          z.object({ windowStart: z.iso.datetime(), used: amountSchema.nullable() }),
          z.object({ remaining: amountSchema }),
        ]),
      ),
    }),
  ),
});
type VoidAnswer = z.output<typeof voidAnswerSchema>;

/** The correction as an answer shows it. Reason, actor and time are those of the latest one, where there are several. */
export function voidAnswer(catalog: ReportCatalog, request: VoidRequest, voided: VoidedEvent): VoidAnswer {
  const { customer, source, id } = request;
  const latest = voided.charges.reduce((later, each) =>
    each.correction.voidedAtMs >= later.correction.voidedAtMs ? each : later,
  );
  const { entity } = latest.charge;
  const { dimensions, voidedAtMs } = latest.correction;
  return {
    customer,
    source,
    id,
    ...(entity === undefined ? {} : { entity }),
    reason: dimensions[VOID_REASON] ?? '',
    actor: dimensions[VOID_ACTOR] ?? '',
    voidedAt: toInstant(voidedAtMs),
    replayed: voided.replayed,
    facts: voided.charges.flatMap(({ charge, chargedAtMs, correction }) =>
      correction.facts.map(({ feature, meter, amount, limits }) => {
        const shown = (value: number) => formatAmount(value, scaleOf(catalog, meter));
        const named: VoidAnswer['facts'][number]['limits'] = {};
        for (const { id: limit, windowStartMs, after } of limits) {
          if (windowStartMs !== null) {
            named[limit] = { windowStart: toInstant(windowStartMs), used: after === null ? null : shown(after) };
          } else if (after !== null) named[limit] = { remaining: shown(Math.max(0, after)) };
        }
        return {
          ...(feature === '' ? {} : { feature }),
          meter,
          amount: amount === 0 ? shown(0) : shown(-amount),
          happenedAt: toInstant(charge.happenedAtMs),
          chargedAt: toInstant(chargedAtMs),
          limits: named,
        };
      }),
    ),
  };
}
