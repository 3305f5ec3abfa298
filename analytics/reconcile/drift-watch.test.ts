import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { type CustomerPage, DriftWatch } from './drift-watch.js';
import { ReconcileMetrics } from './metrics.js';
import type { Comparison, DriftRow } from './reconciler.js';

const row = (customer: string, drift: number): DriftRow => ({
  ...{ customer, entity: null, feature: 'chat', limit: 'monthly', windowStart: '2026-11-01T00:00:00.000Z' },
  ...{ counter: drift, ledger: 0, drift },
});

/** Four customers on two pages; what differs is set by the test. */
function watchOf() {
  const drifting = new Map<string, number>();
  const registry = new Registry();
  const said: unknown[] = [];
  let broken = false;
  const watch = new DriftWatch({
    everyMs: 60_000,
    listCustomers: async (_, cursor): Promise<CustomerPage> =>
      cursor === undefined ? { ids: ['a', 'b'], cursor: 'b' } : { ids: ['c', 'd'], cursor: null },
    compare: async (ids): Promise<Comparison> => {
      if (broken) throw new Error('away');
      const drift = ids.flatMap((id) => (drifting.has(id) ? [row(id, drifting.get(id) ?? 0)] : []));
      return { customers: ids.length, windows: 2 * ids.length, restarted: 1, drift };
    },
    metrics: new ReconcileMetrics(registry),
    log: { warn: (...what: unknown[]) => said.push(what), error: (...what: unknown[]) => said.push(what) } as never,
  });
  const metric = async (name: string): Promise<number | undefined> =>
    (await registry.getSingleMetric(name)?.get())?.values[0]?.value;
  const setBroken = (value: boolean): void => {
    broken = value;
  };
  return { watch, drifting, said, metric, setBroken };
}

it('all customers are compared round after round, and the round is told when it ends', async () => {
  const { watch, metric } = watchOf();
  await watch.turn();
  expect(watch.state).toMatchObject({ rows: [], customers: 2, windows: 4, lastRound: null });
  expect(await metric('weir_reconcile_round_timestamp_seconds')).toBe(0);
  await watch.turn();
  expect(watch.state).toMatchObject({ customers: 0, lastRound: { customers: 4, windows: 8, restarted: 2, drift: 0 } });
  expect(await metric('weir_reconcile_round_timestamp_seconds')).toBeGreaterThan(0);
  expect(await metric('weir_reconcile_customers_total')).toBe(4);
});

it('drift stays in the report and the metric until its customer is compared again', async () => {
  const { watch, drifting, said, metric } = watchOf();
  drifting.set('a', 7).set('d', -2);
  await watch.turn();
  await watch.turn();
  expect(watch.state.rows).toEqual([row('a', 7), row('d', -2)]);
  expect(await metric('weir_drift_limits')).toBe(2);
  expect(said).toHaveLength(2);
  drifting.delete('a');
  await watch.turn();
  expect(watch.state).toMatchObject({ rows: [row('d', -2)], drift: 1 });
  drifting.delete('d');
  await watch.turn();
  expect(watch.state).toMatchObject({ rows: [], drift: 0, lastRound: { drift: 0 } });
  expect(await metric('weir_drift_limits')).toBe(0);
});

it('a turn that fails is counted, and the same customers are next again', async () => {
  const { watch, metric, setBroken } = watchOf();
  setBroken(true);
  await watch.turn();
  expect(await metric('weir_reconcile_failures_total')).toBe(1);
  expect(watch.state.customers).toBe(0);
  setBroken(false);
  await watch.turn();
  await watch.turn();
  expect(watch.state.lastRound).toMatchObject({ customers: 4 });
});
