import { type ControlClient, WeirApiError } from '../../client/index.js';
import { CommandError } from '../command.js';

/** The plan of customers that replay makes without being told: the one that costs nothing. */
const DEFAULT_PLAN = 'free';
const PLANS_SHOWN = 20;

/** @throws CommandError when there is more than one plan, and none is called "free". */
export async function defaultPlan(control: ControlClient): Promise<string> {
  try {
    await control.getObject('plans', DEFAULT_PLAN);
    return DEFAULT_PLAN;
  } catch (error) {
    if (!(error instanceof WeirApiError && error.code === 'not_found')) throw error;
  }
  const { rows } = await control.listObjects('plans', { limit: PLANS_SHOWN });
  const [only, ...more] = rows.map(({ id }) => id);
  if (only === undefined) throw new CommandError('the catalog has no plan that the drawn customers could be on');
  if (more.length === 0) return only;
  throw new CommandError(
    `say by --create-customers which plan the drawn customers are on: ${[only, ...more].join(', ')}`,
  );
}

/** The beginning of the month (UTC): where the windows of created customers are anchored, before the usage begins. */
export function monthStart(atMs: number): string {
  const date = new Date(atMs);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)).toISOString();
}
