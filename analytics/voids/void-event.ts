import {
  type Caller,
  type Correction,
  VOID_ACTOR,
  VOID_REASON,
  type VoidRequest,
  type WeirEngine,
  WeirError,
} from '../../engine/index.js';
import type { ClickHouse } from '../clickhouse.js';
import { type LedgerCharge, readCharges, withLastIncluded } from './event-facts.js';
import type { LedgerProgress } from './ledger-progress.js';

/** A fact is visible within 2 s: so long an event that was charged a moment ago is waited for, and some more. */
const LEDGER_WAIT_MS = 5_000;

export interface VoidDependencies {
  readonly clickhouse: Pick<ClickHouse, 'query'>;
  readonly engine: Pick<WeirEngine, 'void' | 'ledgerEnd'>;
  readonly progress: LedgerProgress;
  /** Replaced by tests. */
  readonly ledgerWaitMs?: number | undefined;
}

/** An event that was taken back: its charges with the correction of each. */
export interface VoidedEvent {
  /** True when all of it had been taken back before. */
  readonly replayed: boolean;
  readonly charges: readonly (LedgerCharge & { readonly correction: Correction })[];
}

/**
 * Takes an event back, exactly once, whenever that is asked for:
 *
 *   1 ask Redis where the shard's ledger ends   2 wait until ClickHouse has it   3 read the event's charges and corrections
 *   4 have the engine take back each charge that has no correction
 *
 * A charge is not taken back twice. A correction from before step 1 is seen in step 3. One from after it was made seconds ago, so
 * that Redis knows the charge's id in step 4: it forgets none that is younger than an hour. And what is dead between 4 and its answer is asked for again.
 *
 * @param actor who asks, for the ledger.
 * @throws WeirError unknown_event, ledger_behind, and those of the engine.
 */
export async function voidEvent(
  { clickhouse, engine, progress, ledgerWaitMs = LEDGER_WAIT_MS }: VoidDependencies,
  request: VoidRequest,
  actor: string,
  caller: Caller,
): Promise<VoidedEvent> {
  const { customer, source, id, reason } = request;
  const end = await engine.ledgerEnd(customer);
  if (end !== undefined && !(await progress.reaches(end, ledgerWaitMs))) throw new WeirError('ledger_behind');
  const charges = await readCharges(clickhouse, { customer, source, id });
  if (charges.length === 0) throw new WeirError('unknown_event', `${JSON.stringify(id)} of ${JSON.stringify(source)}`);
  const corrected: (LedgerCharge & { readonly correction: Correction })[] = [];
  for (const each of charges) {
    const correction = each.correction ?? (await correct(each));
    corrected.push({ ...each, correction });
  }
  return { replayed: corrected.every(({ correction }) => correction.replayed), charges: corrected };

  async function correct({ charge }: LedgerCharge): Promise<Correction> {
    const dimensions = { ...charge.dimensions, [VOID_REASON]: reason, [VOID_ACTOR]: actor };
    return await engine.void({ ...(await withLastIncluded(clickhouse, charge)), dimensions }, caller);
  }
}
