import type { CheckRequest, EventInput } from '../../../engine/index.js';
import { WANTED_FEATURE } from './catalog.js';
import { INCLUDED, MORE_TOKENS, type SampleCustomer } from './population.js';
import { between, pick, type Random } from './random.js';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
export const SLOT_MS = 4 * HOUR_MS;
const DAYS_A_MONTH = 30.4;
/** Of a day's use, by the four-hour slots of UTC. */
const BY_SLOT = [0.04, 0.1, 0.26, 0.28, 0.22, 0.1];
/** From Sunday. */
const BY_WEEKDAY = [0.3, 1.25, 1.35, 1.35, 1.3, 1.15, 0.3];
const BY_WEEKEND_DAY = [2.2, 0.5, 0.5, 0.5, 0.6, 0.8, 1.9];
/** A customer is heard of in this many of a day's six slots, in the mean. */
const SLOTS_USED = 1.5;
/** Some are told weeks after they happened. */
const LATE_SHARE = 0.002;
/** What the burst limit of a pro plan lets through at once. */
const CHECK_TOKENS_MAX = 15_000;

/** What happens in one slot, at one instant. */
export interface Slot {
  readonly atMs: number;
  readonly events: readonly EventInput[];
  readonly checks: readonly CheckRequest[];
}

/** Where a customer is in the sample's time: 0 at its first day, 1 at its last one. */
function shareAt({ habit }: SampleCustomer, progress: number): number {
  return habit.from + (habit.to - habit.from) * progress;
}

/** Usage of one slot. Free customers ask before each request, and are denied; others now and then, and tell the rest. */
export function slotUsage(
  customers: readonly SampleCustomer[],
  atMs: number,
  range: { readonly startMs: number; readonly endMs: number },
  random: Random,
): Slot {
  const events: EventInput[] = [];
  const checks: CheckRequest[] = [];
  const weekday = new Date(atMs).getUTCDay();
  const slot = Math.floor((atMs % DAY_MS) / SLOT_MS);
  for (const customer of customers) {
    const { habit, plan } = customer;
    const heard = random() < SLOTS_USED / BY_SLOT.length;
    const isSilent = habit.silentDays > 0 && atMs >= range.endMs - habit.silentDays * DAY_MS;
    if (!heard || isSilent || atMs < customer.startsAtMs) continue;
    const progress = (atMs - range.startMs) / (range.endMs - range.startMs);
    const byDay = (habit.name === 'weekends' ? BY_WEEKEND_DAY : BY_WEEKDAY)[weekday] ?? 1;
    const included = INCLUDED[plan] + (customer.addons.length > 0 ? MORE_TOKENS : 0);
    const day = (included / DAYS_A_MONTH) * shareAt(customer, progress) * byDay * between(random, 0.7, 1.3);
    const tokens = Math.round((day * (BY_SLOT[slot] ?? 0) * BY_SLOT.length) / SLOTS_USED);
    if (tokens === 0) continue;
    const id = `sample-${atMs / SLOT_MS}-${customer.id}`;
    if (plan === 'free' || (plan === 'pro' && tokens <= CHECK_TOKENS_MAX && random() < 0.4)) {
      checks.push({ customer: customer.id, feature: 'chat', amount: tokens, id, dryRun: false });
    } else {
      const late = random() < LATE_SHARE;
      const contextTokens = Math.round(tokens * between(random, 0.6, 0.9));
      events.push({
        id,
        source: 'sample',
        type: 'llm.request',
        customer: customer.id,
        happenedAtMs: late ? Math.round(atMs - between(random, 3, 40) * DAY_MS) : atMs,
        data: {
          totalTokens: tokens,
          contextTokens,
          generatedTokens: tokens - contextTokens,
          model: pick(random, [
            [6, 'small'],
            [3, 'large'],
            [1, 'reasoning'],
          ]),
          region: customer.timezone.startsWith('America') ? 'us' : 'eu',
        },
      });
    }
    if (customer.wantsMore && random() < 0.05) {
      checks.push({ customer: customer.id, feature: WANTED_FEATURE, amount: 1, id: `${id}-more`, dryRun: false });
    }
  }
  return { atMs, events, checks };
}
