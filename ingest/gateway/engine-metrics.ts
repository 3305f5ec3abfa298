import type { Registry } from 'prom-client';
import type { WeirEngine } from '../../engine/index.js';
import { LabelledHistogram } from '../../engine/platform/labelled-histogram.js';
import { showNumber } from '../../engine/platform/metrics.js';

type Shown = readonly [name: string, help: string, read: () => number];

/** What the engine counts, for a scrape. */
export function showEngine(engine: WeirEngine, registry: Registry): void {
  for (const [name, help, read] of [...decisions(engine), ...outage(engine)]) {
    showNumber(registry, name, help, read);
  }
  const callTimes = new LabelledHistogram('shard', {
    name: 'weir_engine_call_duration_seconds',
    help: 'Time from sending a call of the commit script to its reply, by shard.',
    registers: [registry],
  });
  for (const [shard, times] of engine.callTimes) callTimes.show(shard, times);
}

function decisions(engine: WeirEngine): readonly Shown[] {
  return [
    ['weir_engine_operations_total', 'Operations decided since the start.', () => engine.counters.operations],
    ['weir_engine_calls_total', 'Calls of the commit script since the start.', () => engine.counters.calls],
    ['weir_engine_resends_total', 'Calls sent again after a lost reply.', () => engine.counters.resends],
    ['weir_engine_stale_total', 'Calls answered by a newer catalog, and made again.', () => engine.counters.stale],
    [
      'weir_engine_clock_ahead_seconds',
      "How far this process's clock is ahead of Redis's; 0 within a second.",
      () => engine.clockAheadMs / 1_000,
    ],
    ['weir_engine_clock_faults_total', 'Readings of a clock that ran backwards.', () => engine.counters.clockFaults],
    ['weir_engine_refused_full_total', 'Operations refused since too many waited.', () => engine.counters.refusedFull],
    ['weir_engine_timed_out_total', 'Operations not sent in time.', () => engine.counters.timedOut],
    [
      'weir_engine_unknown_outcomes_total',
      'Operations whose fate was not known in time.',
      () => engine.counters.unknownOutcomes,
    ],
    ['weir_engine_depth', 'Operations that wait, and calls in flight.', () => engine.depth],
    ['weir_engine_queued_operations', 'Operations that wait for a call.', () => engine.lanes.queued],
    ['weir_engine_calls_in_flight', 'Calls of the commit script that were not answered yet.', () => engine.lanes.calls],
    ['weir_catalog_version', 'Version of the catalog that decides here.', () => engine.view.version],
    ['weir_outbox_bytes', 'Bytes in the outboxes, as this gateway last measured.', () => engine.outboxBytes],
    [
      'weir_outbox_measure_failures_total',
      'Times the outboxes could not be measured here.',
      () => engine.outboxFailures,
    ],
    [
      'weir_catalog_follow_failures_total',
      'Times the stream of catalog changes was lost, and the whole read anew.',
      () => engine.view.failures,
    ],
    ['weir_outbox_refused_total', 'Operations refused since the outbox was full.', () => engine.counters.refusedOutbox],
    [
      'weir_denials_dropped_total',
      'Denials that left no line since the outbox was nearly full.',
      () => engine.counters.denialsDropped,
    ],
  ];
}

function outage(engine: WeirEngine): readonly Shown[] {
  const { outage } = engine;
  return [
    ['weir_breaker_open', 'Shards that are not asked now, since they did not answer.', () => engine.breakers.open],
    ['weir_breaker_opened_total', 'Times a shard was given up.', () => engine.breakers.counters.opened],
    [
      'weir_breaker_refused_total',
      'Operations not queued since a shard was given up.',
      () => engine.breakers.counters.refused,
    ],
    ['weir_breaker_probes_total', 'Questions whether a shard answers again.', () => engine.breakers.counters.probes],
    ['weir_breaker_probes_failed_total', 'Those that failed.', () => engine.breakers.counters.probesFailed],
    ['weir_outage_admitted_total', 'Checks admitted by onUnavailable, and kept.', () => outage?.counters.admitted ?? 0],
    ['weir_outage_denied_total', 'Checks denied without Redis.', () => outage?.counters.denied ?? 0],
    [
      'weir_outage_undecided_total',
      'Checks that could not be decided without Redis, or not be kept.',
      () => outage?.counters.undecided ?? 0,
    ],
    ['weir_spool_bytes', 'Bytes on this disk that wait to be charged.', () => outage?.spool.bytes ?? 0],
    ['weir_spool_operations_total', 'Operations made durable.', () => outage?.spool.counters.operations ?? 0],
    ['weir_spool_syncs_total', 'Writes of them, each with its fsync.', () => outage?.spool.counters.syncs ?? 0],
    ['weir_spool_failures_total', 'Writes that failed.', () => outage?.spool.counters.failures ?? 0],
    [
      'weir_spool_refused_total',
      'Operations refused since the spool was full.',
      () => outage?.spool.counters.refusedFull ?? 0,
    ],
    ['weir_spool_torn_bytes_total', 'Bytes of writes that a crash tore.', () => outage?.spool.counters.tornBytes ?? 0],
    ['weir_spool_taken_total', 'Spools taken from gateways that are gone.', () => outage?.spool.counters.taken ?? 0],
    ['weir_spool_charged_total', 'Operations charged from spools.', () => outage?.settlement.charger.charged ?? 0],
    [
      'weir_spool_known_total',
      'Operations of spools whose id was charged before.',
      () => outage?.settlement.charger.known ?? 0,
    ],
    ['weir_spool_settled_total', 'Spools charged whole and removed.', () => outage?.settlement.counters.settled ?? 0],
    [
      'weir_spool_settle_failures_total',
      'Times charging had to wait.',
      () => outage?.settlement.counters.failures ?? 0,
    ],
    [
      'weir_spool_impossible_total',
      'Operations that no counter can hold.',
      () => outage?.settlement.counters.impossible ?? 0,
    ],
  ];
}
