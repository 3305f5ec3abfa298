import { setTimeout as delay } from 'node:timers/promises';
import { type RebuildAnswer, WeirApiError } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, CommandError, EXIT_NO, EXIT_OK } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { groupDigits, json } from './output.js';
import { barText, ERASE } from './replay/progress.js';

const POLL_MS = 200;
/** A control plane that starts again meanwhile is waited for so often. */
const UNREACHED_MAX = 150;
const STEPS: Record<RebuildAnswer['step'], string> = {
  catalog: 'the catalog from its audit trail',
  ledger: 'waiting until the ledger has all facts',
  counters: 'counters from the ledger',
  shards: 'opening the shards',
};

/** `weir rebuild`: Redis made anew after its loss. */
export const rebuild: Command = {
  name: 'rebuild',
  summary: 'make Redis anew from catalog and ledger after it was lost',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: { json: { type: 'flag', help: 'print JSON' } },
  details: [
    'Start Redis again first, empty; a backup of its append-only file that you have is better. What is lost: holds, remembered ids, and facts that had not left Redis. Where nothing is lost nothing is changed; interrupted, it can be run again.',
    'Until it is done checks are answered by what each limit says for an outage (onUnavailable).',
  ],
  examples: [{ line: 'rebuild', what: 'then see "weir reconcile"' }],
  run: runRebuild,
};

async function runRebuild(args: Arguments, io: Io): Promise<number> {
  const { control } = connect(io.env);
  let state = await control.startRebuild();
  let asksInVain = 0;
  while (state.status === 'running') {
    if (io.signal.aborted) throw new CommandError('interrupted: it goes on by itself, see it by the same command');
    show(state, io);
    await delay(POLL_MS);
    const seen = await answered(() => control.rebuildState());
    // One that was started again meanwhile knows nothing of it.
    const next = seen?.status === 'idle' ? await answered(() => control.startRebuild()) : seen;
    asksInVain = next === undefined ? asksInVain + 1 : 0;
    if (asksInVain > UNREACHED_MAX) throw new CommandError('the control plane does not answer any more: run it again');
    state = next ?? state;
  }
  if (io.isErrTerminal) io.err(ERASE);
  io.out(args.flag('json') ? json(state) : summaryText(state));
  return state.status === 'done' ? EXIT_OK : EXIT_NO;
}

/** Undefined while the control plane cannot be reached. */
async function answered(ask: () => Promise<RebuildAnswer>): Promise<RebuildAnswer | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof WeirApiError && (error.status === 0 || error.status >= 500)) return undefined;
    throw error;
  }
}

function show({ step, customers, customersTotal }: RebuildAnswer, io: Io): void {
  if (!io.isErrTerminal) return;
  const share = Math.min(1, customers / Math.max(1, customersTotal));
  io.err(`${ERASE}${barText(share)}  ${STEPS[step]}, ${groupDigits(String(customers))} customers`);
}

function summaryText({ status, shards, objects, customers, reason, step }: RebuildAnswer): string {
  if (status === 'failed') return `Not rebuilt, at ${STEPS[step]}: ${reason}. Run it again.\n`;
  if (shards.length === 0) return 'Nothing is lost: every shard has its state. Nothing was changed.\n';
  const counts = `${shards.length} shards, ${groupDigits(String(objects))} objects, ${groupDigits(String(customers))} customers`;
  return `Rebuilt: ${counts}. See "weir reconcile".\n`;
}
