import { randomUUID } from 'node:crypto';
import type { UsageEvent } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { type Command, EXIT_NO, EXIT_OK, UsageError } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { json, plainText } from './output.js';
import { setPath, valueOfText } from './replay/values.js';
import { sendFile } from './send-file.js';

const SOURCE = 'weir-cli';

/** `weir send`: one event, or a file of CloudEvents. */
export const send: Command = {
  name: 'send',
  summary: 'send usage: one event, or a file with a CloudEvent on each line',
  operands: '[TYPE CUSTOMER]',
  operandsMin: 0,
  operandsMax: 2,
  options: {
    data: {
      type: 'text',
      value: 'NAME=VALUE',
      multiple: true,
      help: 'a value of the event; NAME may be a path: usage.total',
    },
    id: { type: 'text', value: 'ID', help: 'id of the event; default a random one, which is printed' },
    source: { type: 'text', value: 'SOURCE', help: `source of the event; default ${SOURCE}` },
    time: { type: 'text', value: 'TIME', help: 'when it happened (RFC 3339); default now' },
    entity: { type: 'text', value: 'ENTITY', help: 'the team, user or key below the customer' },
    file: { type: 'text', value: 'FILE', help: 'CloudEvents as JSON, one a line; - is standard input' },
    json: { type: 'flag', help: 'print the answer as JSON' },
  },
  details: [
    'An event is known by its source and id: sent again it is a duplicate, and charged once. For logs that are no',
    'CloudEvents there is "weir replay". Exit code 1 when something was rejected.',
  ],
  examples: [
    { line: 'send llm.request acme --data totalTokens=900 --data model=small', what: 'one event' },
    { line: 'send --file events.ndjson', what: 'many of them' },
  ],
  run: runSend,
};

async function runSend(args: Arguments, io: Io): Promise<number> {
  const file = args.text('file');
  if (file !== undefined) return await sendFile(args, io, file);
  if (args.operands.length !== 2) throw new UsageError('it takes TYPE and CUSTOMER, or --file FILE');
  const event = eventOf(args);
  const answer = await connect(io.env).events([event], { signal: io.signal });
  if (args.flag('json')) io.out(json({ ...answer, id: event.id, source: event.source }));
  else if (answer.accepted > 0)
    io.out(`accepted: ${plainText(event.id)}${answer.degraded ? ' (kept until Redis is back)' : ''}\n`);
  else if (answer.duplicates > 0) io.out(`duplicate: ${plainText(event.id)} was charged before, and not again\n`);
  for (const { code, message } of answer.rejected) io.err(`rejected: ${code}: ${plainText(message)}\n`);
  return answer.rejected.length === 0 ? EXIT_OK : EXIT_NO;
}

function eventOf(args: Arguments): UsageEvent {
  const data: Record<string, unknown> = {};
  for (const [name, value] of args.pairs('data')) {
    if (!setPath(data, name.split('.'), valueOfText(value)))
      throw new UsageError(`--data ${name} contradicts another --data`);
  }
  return {
    id: args.text('id') ?? randomUUID(),
    source: args.text('source') ?? SOURCE,
    type: args.operand(0),
    subject: args.operand(1),
    ...(args.has('time') ? { time: args.required('time') } : {}),
    ...(args.has('entity') ? { entity: args.required('entity') } : {}),
    data,
  };
}
