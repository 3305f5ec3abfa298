import type { Io } from '../io.js';

export interface MemoryIo extends Io {
  readonly printed: { out: string; err: string };
}

/** An Io that keeps what a command prints. */
export function memoryIo(env: Io['env'] = {}, input = ''): MemoryIo {
  const printed = { out: '', err: '' };
  return {
    env,
    printed,
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
    },
    async outBytes(bytes) {
      printed.out += Buffer.from(bytes).toString();
    },
    stdin: (async function* () {
      yield Buffer.from(input);
    })(),
    isErrTerminal: false,
    signal: new AbortController().signal,
  };
}
