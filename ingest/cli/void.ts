import type { VoidAnswer } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, EXIT_OK } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { json, plainText, rowsTable } from './output.js';

/** `weir void`: a wrong event is corrected, never deleted. */
export const voidEvent: Command = {
  name: 'void',
  summary: 'take a wrong event back: counters and reports are as if it had not been',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: {
    customer: { type: 'text', value: 'ID', help: 'whose event it is' },
    source: { type: 'text', value: 'SOURCE', help: 'source of the event: what "weir send" sends has weir-cli' },
    id: { type: 'text', value: 'ID', help: 'id of the event' },
    reason: { type: 'text', value: 'TEXT', help: 'why; it stands in the ledger beside the correction' },
    json: { type: 'flag', help: 'print the answer as JSON' },
  },
  details: [
    'All four are needed. The event stays in the ledger, with its correction beside it. A quota gets the amount back',
    'in its current window and the one before, a bucket up to its capacity. Done twice it is done once.',
  ],
  examples: [
    {
      line: 'void --customer acme --source billing --id 4711 --reason duplicate',
      what: 'take back what was sent twice',
    },
  ],
  run: runVoid,
};

async function runVoid(args: Arguments, io: Io): Promise<number> {
  const request = {
    customer: args.required('customer'),
    source: args.required('source'),
    id: args.required('id'),
    reason: args.required('reason'),
  };
  const answer = await connect(io.env).control.voidEvent(request, { signal: io.signal });
  io.out(args.flag('json') ? json(answer) : explain(answer));
  return EXIT_OK;
}

function explain(answer: VoidAnswer): string {
  const { id, source, customer, reason, actor, voidedAt, replayed } = answer;
  const again = replayed ? ' (before, and not again)' : '';
  const rows = answer.facts.flatMap(({ feature, meter, amount, limits }) => {
    const named = Object.entries(limits).map(([limit, state]) => ({ limit, ...state }));
    return (named.length === 0 ? [{}] : named).map((limit) => ({ feature, meter, amount, ...limit }));
  });
  const columns = ['feature', 'meter', 'amount', 'limit', 'windowStart', 'used', 'remaining'];
  return [
    `voided${again}: ${plainText(id)} of ${plainText(source)}, customer ${plainText(customer)}\n`,
    `by ${plainText(actor)} at ${plainText(voidedAt)}: ${plainText(reason)}\n\n`,
    rowsTable(columns, rows),
  ].join('');
}
