/** The engine's public face: the only door from outside the folder, beside `contract/`. */

export * from './catalog/index.js';
export * from './contract/amounts.js';
export * from './contract/catalog.js';
export * from './contract/check.js';
export * from './contract/constants.js';
export * from './contract/decision.js';
export * from './contract/errors.js';
export * from './contract/event.js';
export * from './contract/fact.js';
export * from './contract/ids.js';
export * from './contract/reservation.js';
export * from './contract/subjects.js';
export * from './contract/void.js';
export type { CounterPoint, CounterReader, CounterReading, QuotaCounter } from './counters.js';
export * from './create.js';
export type * from './engine.js';
export { grantsAt } from './limits/grants.js';
export { limitKey, type Rule } from './limits/limit-set.js';
export { Resolver } from './limits/resolve.js';
export { LATENCY_BOUNDS_SECONDS } from './platform/hot-metrics.js';
export type { GatewayPulse, GatewayPulses } from './pulses.js';
export { type ChargedLimit, ChargedLimits, type CounterRestorer, type LostHolder, windowStarts } from './restore.js';
export type { OutboxDepth } from './store/outbox-depth.js';
export { type SweepCounters, Sweeper } from './sweep.js';
