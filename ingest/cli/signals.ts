import type { Arguments } from './arguments.js';
import type { Command } from './command.js';
import type { Io } from './io.js';
import { CUSTOMER_OPTION, FORMAT_OPTIONS, formatOf, LIMIT_OPTION, printReport } from './report-output.js';

/** `weir signals`: who wants more, and who is leaving. */
export const signals: Command = {
  name: 'signals',
  summary: 'customers that want more, and customers that are leaving, with the reason',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: {
    kind: { type: 'text', value: 'KIND', help: 'upsell or churn; default both' },
    state: { type: 'text', value: 'STATE', help: 'open, snoozed, done or gone; default all but gone' },
    ...CUSTOMER_OPTION,
    ...LIMIT_OPTION,
    ...FORMAT_OPTIONS,
  },
  examples: [
    { line: 'signals --kind churn --state open', what: 'whom to call first' },
    { line: 'signals --csv > signals.csv', what: 'all of them, for a spreadsheet' },
  ],
  run: runSignals,
};

async function runSignals(args: Arguments, io: Io): Promise<number> {
  const query = {
    kind: args.text('kind'),
    state: args.text('state'),
    customer: args.text('customer'),
    limit: args.text('limit'),
  };
  return await printReport(io, formatOf(args), {
    path: '/v1/signals',
    query,
    read: (control) => control.signals(query),
    empty: 'There are no signals.',
  });
}
