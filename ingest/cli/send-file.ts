import { eventSchema } from '../../engine/contract/event.js';
import type { EventsOutcome, UsageEvent, WeirClient } from '../client/index.js';
import type { Arguments } from './arguments.js';
import { CommandError, EXIT_NO, EXIT_OK, UsageError } from './command.js';
import { connect } from './connection.js';
import type { Io } from './io.js';
import { json, plainText } from './output.js';
import { InputError, openLines } from './replay/lines.js';

/** Events of a file that are sent together. */
const BATCH_EVENTS = 1_000;
const REJECTIONS_SHOWN_MAX = 20;

interface Pending {
  readonly events: UsageEvent[];
  readonly lines: number[];
}

/** Sends a file with a CloudEvent on each line. @returns the exit code. */
export async function sendFile(args: Arguments, io: Io, file: string): Promise<number> {
  const alone = ['data', 'id', 'source', 'time', 'entity'].find((name) => args.has(name));
  if (alone !== undefined) throw new UsageError(`--${alone} is for one event, not for --file`);
  if (args.operands.length > 0) throw new UsageError('TYPE and CUSTOMER stand in the file');
  const tally = new Tally(io);
  const client = connect(io.env);
  let pending: Pending = { events: [], lines: [] };
  try {
    for await (const block of (await openLines(file, io.stdin)).blocks()) {
      for (const { line, text, problem } of block) {
        if (problem === undefined && text.trim() === '') continue;
        const event = problem ?? parseEvent(text);
        if (typeof event === 'string') tally.reject(line, 'unreadable_line', event);
        else {
          pending.events.push(event);
          pending.lines.push(line);
        }
        if (pending.events.length === BATCH_EVENTS) {
          await sendPending(client, pending, tally, io.signal);
          pending = { events: [], lines: [] };
        }
      }
    }
    await sendPending(client, pending, tally, io.signal);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new CommandError(`${file}: ${error.message}`);
  }
  io.out(args.flag('json') ? json(tally.answer()) : tally.text());
  return tally.rejected === 0 ? EXIT_OK : EXIT_NO;
}

async function sendPending(
  client: WeirClient,
  { events, lines }: Pending,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  if (events.length > 0) tally.add(await client.events(events, { signal }), lines);
}

/** The event of a line, or what is wrong with it. */
function parseEvent(text: string): UsageEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'not valid JSON';
  }
  const parsed = eventSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not an event'}`;
  }
  const { time, data, ...rest } = parsed.data;
  return { ...rest, ...(typeof time === 'string' ? { time } : {}), ...(data ? { data } : {}) };
}

/** What became of the lines. */
class Tally {
  readonly #io: Io;
  #accepted = 0;
  #duplicates = 0;
  rejected = 0;
  readonly #byCode = new Map<string, number>();

  constructor(io: Io) {
    this.#io = io;
  }

  add(answer: EventsOutcome, lines: readonly number[]): void {
    this.#accepted += answer.accepted;
    this.#duplicates += answer.duplicates;
    for (const { index, code, message } of answer.rejected) this.reject(lines[index] ?? 0, code, message);
  }

  reject(line: number, code: string, message: string): void {
    this.rejected += 1;
    this.#byCode.set(code, (this.#byCode.get(code) ?? 0) + 1);
    if (this.rejected <= REJECTIONS_SHOWN_MAX) this.#io.err(`line ${line}: ${code}: ${plainText(message)}\n`);
    if (this.rejected === REJECTIONS_SHOWN_MAX + 1) this.#io.err('further rejections are only counted\n');
  }

  answer(): Record<string, unknown> {
    return { accepted: this.#accepted, duplicates: this.#duplicates, rejected: Object.fromEntries(this.#byCode) };
  }

  text(): string {
    const codes = [...this.#byCode].map(([code, count]) => `${code} ${count}`).join(', ');
    return `${this.#accepted} accepted, ${this.#duplicates} duplicates, ${this.rejected} rejected${codes === '' ? '' : ` (${codes})`}\n`;
  }
}
