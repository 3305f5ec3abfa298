import type { Stack } from '../harness/services.js';
import { carryOut } from './connection.js';
import { Judge } from './judge.js';
import type { Finding } from './run.js';

const PATIENCE_MS = 15_000;

/** Sends a finding's bytes again to a fresh gateway and shows what it answers. The key in them is the new stack's. @returns the exit code */
export async function replay(stack: Stack, { what, kind, pieces }: Finding): Promise<number> {
  console.log(`${kind}: ${what}`);
  const judge = new Judge(await (await fetch(`${stack.dataPlane}/openapi.json`)).json());
  const bytes = pieces.map((piece) => withKey(Buffer.from(piece, 'base64'), stack.adminKey));
  const pid = stack.pidOf('gateway-0');
  const assault = {
    kind,
    customer: '',
    frames: 1,
    pieces: bytes,
    pauseMs: 1,
    ending: 'wait',
    patienceMs: PATIENCE_MS,
    answers: 1,
  } as const;
  const { answers, fault } = await carryOut(assault, Number(new URL(stack.dataPlane).port));
  for (const { head, body } of answers) console.log(`\n${head}\n\n${body.toString()}`);
  const faults = answers.map((answer) => judge.fault(answer, undefined, false)).filter((each) => each !== undefined);
  if (fault !== undefined) faults.push(fault);
  if (answers.length === 0) console.log('\nno answer');
  if (stack.pidOf('gateway-0') !== pid) faults.push('the gateway died');
  console.log(stack.output());
  console.log(faults.length === 0 ? '\nnothing wrong' : `\n${faults.join('\n')}`);
  return faults.length === 0 && answers.length > 0 ? 0 : 1;
}

/** Every stack has a key of its own, of one length. */
function withKey(bytes: Buffer, key: string): Buffer {
  const text = bytes.toString('latin1');
  return Buffer.from(text.replace(/(x-weir-key: |authorization: Bearer )[\w-]{43}(?=\r\n)/g, `$1${key}`), 'latin1');
}
