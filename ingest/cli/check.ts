import type { Amount, CheckAnswer, LimitAnswer } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, EXIT_NO, EXIT_OK } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { cellText, json, plainText, rowsTable } from './output.js';

/** `weir check`: one decision, as an API would ask for it. */
export const check: Command = {
  name: 'check',
  summary: 'may a customer use a feature now? charges it, unless --dry-run',
  operands: 'CUSTOMER FEATURE [AMOUNT]',
  operandsMin: 2,
  operandsMax: 3,
  options: {
    'dry-run': { type: 'flag', help: 'decide only, charge nothing' },
    id: { type: 'text', value: 'ID', help: 'an id of yours: the same check again is charged once' },
    entity: { type: 'text', value: 'ENTITY', help: 'the team, user or key below the customer' },
    dimension: { type: 'text', value: 'NAME=VALUE', multiple: true, help: 'kept with the usage' },
    json: { type: 'flag', help: 'print the answer as JSON' },
  },
  details: ['Exit code 0 when it is allowed, 1 when it is denied. AMOUNT is 1 when left out.'],
  examples: [
    { line: 'check acme chat 900', what: 'charge 900 tokens to the customer acme, if the limits admit them' },
    { line: 'check acme chat 900 --dry-run --json', what: 'only ask, for a script' },
  ],
  run: runCheck,
};

async function runCheck(args: Arguments, io: Io): Promise<number> {
  const [customer, feature] = [args.operand(0), args.operand(1)];
  const dimensions = Object.fromEntries(args.pairs('dimension'));
  const answer = await connect(io.env).check(
    {
      customer,
      feature,
      // As text, so that no digit is lost; the server reads it by the meter's scale.
      amount: args.operands[2] ?? 1,
      ...(args.flag('dry-run') ? { dryRun: true } : {}),
      ...(args.text('id') === undefined ? {} : { id: args.text('id') }),
      ...(args.text('entity') === undefined ? {} : { entity: args.text('entity') }),
      ...(args.has('dimension') ? { dimensions } : {}),
    },
    { signal: io.signal },
  );
  io.out(args.flag('json') ? json(answer) : explain(answer, args.flag('dry-run')));
  return answer.allowed ? EXIT_OK : EXIT_NO;
}

function explain(answer: CheckAnswer, dryRun: boolean): string {
  const lines = [
    `${answer.allowed ? 'allowed' : 'denied'}: ${answer.reason}${dryRun ? ' (nothing was charged)' : ''}${answer.replayed ? ' (the first answer again)' : ''}`,
  ];
  if (answer.value !== undefined) lines.push(`value: ${plainText(String(answer.value))}`);
  if (answer.deniedBy.length > 0) lines.push(`denied by: ${answer.deniedBy.map(plainText).join(', ')}`);
  if (!answer.allowed) lines.push(waitText(answer.retryAfterMs));
  if (answer.remaining !== null && Object.keys(answer.limits).length > 0) {
    lines.push(`${cellText(answer.remaining)} more would be admitted now`);
  }
  for (const { limit, threshold } of answer.warnings) lines.push(`warning: ${plainText(limit)} passed ${threshold} %`);
  if (answer.degraded) lines.push('degraded: Redis was away, and the limits said what to do then');
  const limits = limitsTable(answer.limits);
  return `${lines.join('\n')}\n${limits === '' ? '' : `\n${limits}`}`;
}

function waitText(retryAfterMs: number | null): string {
  if (retryAfterMs === null) return 'waiting does not help';
  return retryAfterMs < 1_000 ? `try again in ${retryAfterMs} ms` : `try again in ${Math.ceil(retryAfterMs / 1_000)} s`;
}

/** One row a limit; a bucket has no `used`, and of slots those in use count as such. */
function limitsTable(limits: CheckAnswer['limits']): string {
  const rows = Object.entries(limits).map(([limit, state]) => ({ limit, kind: state.kind, ...limitRow(state) }));
  return rowsTable(['limit', 'kind', 'included', 'used', 'reserved', 'remaining', 'headroom', 'resets'], rows);
}

function limitRow(state: LimitAnswer): Record<string, Amount | null> {
  const { remaining } = state;
  switch (state.kind) {
    case 'quota': {
      const { included, used, reserved, headroom, resetAt } = state;
      return { included, used, reserved, remaining, headroom, resets: resetAt };
    }
    case 'bucket':
      return { included: state.capacity, used: null, remaining };
    case 'concurrency':
      return { included: state.slots, used: state.inUse, remaining };
  }
}
