import { once } from 'node:events';
import { runCommandLine } from './run.js';

/** The command line, `npx weir …`. */

const abort = new AbortController();
process.on('SIGINT', () => {
  // The first one ends a long command in order, the second one at once.
  if (abort.signal.aborted) process.exit(130);
  abort.abort(new Error('interrupted'));
});
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    // The reader has seen enough (`weir report | head`): not our failure.
    if ('code' in error && error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  async outBytes(bytes) {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
  },
  get stdin() {
    return process.stdin;
  },
  isErrTerminal: process.stderr.isTTY === true,
  signal: abort.signal,
});
