import type { Arguments } from './arguments.js';
import { type Command, UsageError } from './command.js';
import type { Io } from './io.js';
import { didYouMean } from './nearest.js';
import {
  CUSTOMER_OPTION,
  FORMAT_OPTIONS,
  formatOf,
  LIMIT_OPTION,
  printReport,
  type ReportSource,
} from './report-output.js';

const KINDS = ['utilization', 'finance', 'usage', 'denials'] as const;
type Kind = (typeof KINDS)[number];

/** Which options a kind takes, beside the shared ones. */
const OPTIONS_OF: Readonly<Record<Kind, readonly string[]>> = {
  utilization: ['period', 'plan', 'entity', 'limit'],
  finance: ['period', 'plan', 'as-of'],
  usage: ['meter', 'entity', 'from', 'to', 'granularity', 'group-by', 'filter', 'order', 'timezone', 'limit'],
  denials: ['feature', 'reason', 'from', 'to', 'limit'],
};

/** `weir report`: what was used, and what was denied. */
export const report: Command = {
  name: 'report',
  summary: 'utilization or finance report of a month, usage of a meter over time, or the denials',
  operands: `[${KINDS.join('|')}]`,
  operandsMin: 0,
  operandsMax: 1,
  options: {
    period: { type: 'text', value: 'YYYY-MM', help: 'utilization, finance: the month; default this one (UTC)' },
    plan: { type: 'text', value: 'ID', help: 'utilization, finance: customers of this plan only' },
    'as-of': { type: 'text', value: 'TIME', help: 'finance: only what was booked by then' },
    entity: { type: 'text', value: 'ID', help: 'utilization, usage: of --customer, this entity and those below it' },
    meter: { type: 'text', value: 'ID', help: 'usage: the meter' },
    from: { type: 'text', value: 'TIME', help: 'usage, denials: a day or an RFC 3339 time; default 30 days ago' },
    to: { type: 'text', value: 'TIME', help: 'usage, denials: up to here; default now' },
    granularity: { type: 'text', value: 'hour|day|month', help: 'usage: length of a period; default day' },
    'group-by': { type: 'text', value: 'NAMES', help: 'usage: customer, feature, entity, or dimensions, by commas' },
    filter: { type: 'text', value: 'JSON', help: 'usage: values that dimensions must have: {"model":["small"]}' },
    order: { type: 'text', value: 'time|value', help: 'usage: by time, or the largest values first; default time' },
    timezone: { type: 'text', value: 'ZONE', help: 'usage: where days begin; default UTC' },
    feature: { type: 'text', value: 'ID', help: 'denials: this feature only' },
    reason: { type: 'text', value: 'REASON', help: 'denials: this reason only' },
    ...CUSTOMER_OPTION,
    ...LIMIT_OPTION,
    ...FORMAT_OPTIONS,
  },
  examples: [
    { line: 'report --period 2026-11', what: 'who used how much of what was included' },
    { line: 'report --period 2026-11 --csv > utilization.csv', what: 'the same for a spreadsheet' },
    {
      line: 'report finance --period 2026-10 --csv > finance.csv',
      what: 'opening, used, voided, closing of each window',
    },
    {
      line: 'report usage --meter tokens --from 2026-11-01 --granularity month --group-by customer',
      what: 'tokens by customer',
    },
    { line: 'report denials --customer acme', what: 'why was this customer refused?' },
  ],
  run: runReport,
};

async function runReport(args: Arguments, io: Io): Promise<number> {
  const kind = kindOf(args);
  return await printReport(io, formatOf(args), sourceOf(kind, args));
}

function kindOf(args: Arguments): Kind {
  const written = args.operands[0] ?? 'utilization';
  const kind = KINDS.find((each) => each === written);
  if (kind === undefined) {
    throw new UsageError(`there is no report ${JSON.stringify(written)}${didYouMean(written, KINDS)}`);
  }
  const mine = OPTIONS_OF[kind];
  const strange = Object.values(OPTIONS_OF)
    .flat()
    .find((name) => args.has(name) && !mine.includes(name));
  if (strange !== undefined) throw new UsageError(`the ${kind} report has no option --${strange}`);
  return kind;
}

/** CSV is streamed, so it may be as long as the server gives it. */
const CSV_ROWS = { utilization: 1_000_000, usage: 100_000, denials: 10_000 } as const;

function sourceOf(kind: Kind, args: Arguments): ReportSource {
  const csvLimit = args.flag('csv') && kind !== 'finance' ? CSV_ROWS[kind] : undefined;
  const shared = { customer: args.text('customer'), limit: args.text('limit') ?? csvLimit };
  const range = { from: args.text('from'), to: args.text('to') };
  switch (kind) {
    case 'utilization': {
      const period = args.text('period') ?? new Date().toISOString().slice(0, 7);
      const query = { ...shared, period, plan: args.text('plan'), entity: args.text('entity') };
      return {
        path: '/v1/reports/utilization',
        query,
        read: (control) => control.report('utilization', query),
        empty: `Nothing was used in ${period}.`,
      };
    }
    case 'finance': {
      const period = args.text('period') ?? new Date().toISOString().slice(0, 7);
      const query = { customer: shared.customer, period, plan: args.text('plan'), asOf: args.text('as-of') };
      return {
        path: '/v1/reports/finance',
        query,
        read: (control) => control.report('finance', query),
        empty: `Nothing was used in ${period}.`,
      };
    }
    case 'usage': {
      const query = {
        ...shared,
        ...range,
        meter: args.required('meter'),
        entity: args.text('entity'),
        granularity: args.text('granularity'),
        groupBy: args.text('group-by'),
        filter: args.text('filter'),
        order: args.text('order'),
        timezone: args.text('timezone'),
      };
      return { path: '/v1/usage', query, read: (control) => control.usage(query), empty: 'Nothing was used.' };
    }
    case 'denials': {
      const query = { ...shared, ...range, feature: args.text('feature'), reason: args.text('reason') };
      return {
        path: '/v1/reports/denials',
        query,
        read: (control) => control.report('denials', query),
        empty: 'Nothing was denied.',
      };
    }
  }
}
