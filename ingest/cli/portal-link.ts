import type { Arguments } from './arguments.js';
import { type Command, EXIT_OK, UsageError } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { json, plainText } from './output.js';

/** `weir portal-link`: a customer sees its own usage, without an account. */
export const portalLink: Command = {
  name: 'portal-link',
  summary: "make a link that opens one customer's own view",
  operands: 'CUSTOMER',
  operandsMin: 1,
  operandsMax: 1,
  options: {
    minutes: { type: 'text', value: 'N', help: 'how long it can be used, up to 43200; default 60' },
    json: { type: 'flag', help: 'print the answer as JSON' },
  },
  details: ['Whoever has the link sees the usage of that customer until then: send it to nobody else.'],
  examples: [
    { line: 'portal-link acme', what: 'a link for an hour' },
    { line: 'portal-link acme --minutes 1440', what: 'a link for a day' },
  ],
  run: makeLink,
};

async function makeLink(args: Arguments, io: Io): Promise<number> {
  const [customer = ''] = args.operands;
  const ttlMs = args.has('minutes') ? minutesOf(args.required('minutes')) * 60_000 : undefined;
  const answer = await connect(io.env).control.makePortalLink({ customer, ...(ttlMs === undefined ? {} : { ttlMs }) });
  io.out(args.flag('json') ? json(answer) : `${plainText(answer.url)}\nuntil ${plainText(answer.expiresAt)}\n`);
  return EXIT_OK;
}

function minutesOf(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= 43_200) return Number(text);
  throw new UsageError('--minutes takes a whole number from 1 to 43200');
}
