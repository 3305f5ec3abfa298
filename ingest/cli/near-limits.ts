import type { Arguments } from './arguments.js';
import type { Command } from './command.js';
import type { Io } from './io.js';
import { CUSTOMER_OPTION, FORMAT_OPTIONS, formatOf, LIMIT_OPTION, printReport } from './report-output.js';

/** `weir near-limits`: who will soon hear no. */
export const nearLimits: Command = {
  name: 'near-limits',
  summary: 'customers that have used most of a quota in its current window, the worst first',
  operands: '',
  operandsMin: 0,
  operandsMax: 0,
  options: {
    threshold: { type: 'text', value: 'PERCENT', help: 'of what is included; default 80' },
    ...CUSTOMER_OPTION,
    plan: { type: 'text', value: 'ID', help: 'customers of this plan only' },
    feature: { type: 'text', value: 'ID', help: 'this feature only' },
    ...LIMIT_OPTION,
    ...FORMAT_OPTIONS,
  },
  examples: [
    { line: 'near-limits', what: 'who has used 80 % or more' },
    { line: 'near-limits --threshold 95 --csv > urgent.csv', what: 'the urgent ones, for a spreadsheet' },
  ],
  run: runNearLimits,
};

async function runNearLimits(args: Arguments, io: Io): Promise<number> {
  const query = {
    threshold: args.decimal('threshold', 0, 9_999),
    customer: args.text('customer'),
    plan: args.text('plan'),
    feature: args.text('feature'),
    limit: args.text('limit'),
  };
  return await printReport(io, formatOf(args), {
    path: '/v1/reports/near-limits',
    query,
    read: (control) => control.report('near-limits', query),
    empty: 'No customer is near a limit.',
  });
}
