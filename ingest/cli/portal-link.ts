import type { Arguments } from './arguments.js';
import { type Command, EXIT_OK, UsageError } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { json, plainText } from './output.js';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d{1,6})([smh])$/;

/** `weir portal-link`: a customer is shown their own usage. */
export const portalLink: Command = {
  name: 'portal-link',
  summary: "make a short-lived link to a customer's own usage",
  operands: 'CUSTOMER',
  operandsMin: 1,
  operandsMax: 1,
  options: {
    ttl: { type: 'text', value: 'TIME', help: 'how long it can be opened: 90s, 15m, 24h; default 15m' },
    json: { type: 'flag', help: 'print the answer as JSON' },
  },
  details: ['Whoever has the link sees the usage of this customer, and of nobody else. From 1 minute to 24 hours.'],
  examples: [{ line: 'portal-link acme --ttl 1h', what: 'a link for the next hour' }],
  run: runPortalLink,
};

async function runPortalLink(args: Arguments, io: Io): Promise<number> {
  const answer = await connect(io.env).control.portalLink(args.operand(0), durationMs(args.text('ttl')));
  io.out(args.flag('json') ? json(answer) : `${plainText(answer.url)}\n`);
  return EXIT_OK;
}

/** @throws UsageError */
function durationMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count = '', unit = ''] = DURATION.exec(text) ?? [];
  const unitMs = UNITS_MS[unit];
  if (unitMs !== undefined) return Number(count) * unitMs;
  throw new UsageError(`--ttl is a time such as 90s, 15m or 24h, not ${JSON.stringify(text.slice(0, 80))}`);
}
