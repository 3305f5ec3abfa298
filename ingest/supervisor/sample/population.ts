import { between, pick, type Random } from './random.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** How a customer's use goes over the days of the sample, as a share of what its plan includes a month. */
export interface Habit {
  readonly name: 'steady' | 'growing' | 'near' | 'over' | 'declining' | 'silent' | 'idle' | 'weekends';
  /** Share at the first day and at the last one. */
  readonly from: number;
  readonly to: number;
  /** Days before the end from which on nothing is used; 0: used to the end. */
  readonly silentDays: number;
}

export interface SampleCustomer {
  readonly id: string;
  readonly name: string;
  readonly plan: 'free' | 'pro' | 'enterprise';
  readonly addons: readonly string[];
  readonly timezone: string;
  /** Ms since 1970. */
  readonly startsAtMs: number;
  readonly habit: Habit;
  /** Asks now and then for something that the plan has not. */
  readonly wantsMore: boolean;
}

const FIRST = ['Northwind', 'Blue River', 'Acorn', 'Silverline', 'Red Kite', 'Lumen', 'Harbor', 'Juniper', 'Cobalt'];
const SECOND = ['Labs', 'Analytics', 'Health', 'Logistics', 'Robotics', 'Media', 'Energy', 'Legal', 'Studios', 'Bank'];
const ZONES = ['Europe/Berlin', 'America/New_York', 'America/Los_Angeles', 'Asia/Tokyo', 'Asia/Kolkata', 'UTC'];

/** Tokens that the sample's plans include a month (engine/catalog/sample.yaml). */
export const INCLUDED = { free: 100_000, pro: 1_000_000, enterprise: 20_000_000 } as const;
export const MORE_TOKENS = 500_000;

/** Customers of three plans and of every habit; the same ones for the same seed, count, days and end. */
export function population(count: number, days: number, endMs: number, random: Random): SampleCustomer[] {
  return Array.from({ length: count }, (_, index): SampleCustomer => {
    const plan = pick<SampleCustomer['plan']>(random, [
      [50, 'free'],
      [42, 'pro'],
      [8, 'enterprise'],
    ]);
    const habit = habitOf(random, days);
    const isNew = habit.name === 'growing' && random() < 0.4;
    const age = isNew ? between(random, days / 6, days / 1.5) : between(random, days, days + 700);
    return {
      id: `cus_${String(index + 1).padStart(4, '0')}`,
      name: `${FIRST[Math.floor(random() * FIRST.length)]} ${SECOND[Math.floor(random() * SECOND.length)]} ${index + 1}`,
      plan,
      addons: plan === 'pro' && random() < 0.2 ? ['more-tokens'] : [],
      timezone: ZONES[Math.floor(random() * ZONES.length)] ?? 'UTC',
      startsAtMs: Math.floor((endMs - age * DAY_MS) / DAY_MS) * DAY_MS,
      habit,
      wantsMore: plan !== 'enterprise' && random() < 0.06,
    };
  });
}

function habitOf(random: Random, days: number): Habit {
  const name = pick<Habit['name']>(random, [
    [40, 'steady'],
    [14, 'growing'],
    [12, 'near'],
    [8, 'over'],
    [10, 'declining'],
    [6, 'silent'],
    [6, 'idle'],
    [4, 'weekends'],
  ]);
  const steady = between(random, 0.25, 0.7);
  const shares: Record<Habit['name'], readonly [from: number, to: number]> = {
    steady: [steady, steady],
    growing: [between(random, 0.15, 0.3), between(random, 0.8, 1.1)],
    near: [between(random, 0.7, 0.9), between(random, 0.85, 1)],
    over: [between(random, 0.9, 1.1), between(random, 1.1, 1.4)],
    declining: [between(random, 0.6, 0.9), between(random, 0.05, 0.2)],
    silent: [steady, steady],
    idle: [0.04, 0.03],
    weekends: [steady, steady],
  };
  const [from, to] = shares[name];
  return { name, from, to, silentDays: name === 'silent' ? Math.ceil(between(random, days / 6, days / 2.5)) : 0 };
}
