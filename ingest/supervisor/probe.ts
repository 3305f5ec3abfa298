import { connect } from 'node:net';

const PROBE_MS_MAX = 1_000;

/** True when the service on this port of loopback answers `greeting` with what `answer` matches, within a second. */
export function answers(port: number, greeting: string, answer: RegExp): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    const end = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(PROBE_MS_MAX, () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.once('connect', () => socket.write(greeting));
    socket.on('data', (chunk) => {
      heard += chunk.toString();
      if (answer.test(heard)) end(true);
    });
  });
}
