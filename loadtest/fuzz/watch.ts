import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../harness/services.js';

const SETTLE_MS_MAX = 60_000;
const LOOKS = 12;
const LOOK_MS = 500;
/** States of /proc/net/tcp (include/net/tcp_states.h) that are no connection of a process: TIME_WAIT, LISTEN. */
const NOT_OPEN = new Set(['06', '0A']);

/** What a gateway holds at rest. */
export interface Rest {
  readonly pid: number;
  /** The least of several looks, like the sockets. */
  readonly rssMb: number;
  readonly sockets: number;
  /** The scrape that tells is one of them. */
  readonly requestsInFlight: number;
  readonly bodyBytes: number;
  readonly engineDepth: number;
}

/** Waits until nothing is under way, at most a minute, and looks. Linux only: it reads /proc. */
export async function lookAtRest(stack: Stack): Promise<Rest> {
  const startedMs = performance.now();
  let rest = await look(stack);
  while (!isIdle(rest) && performance.now() - startedMs < SETTLE_MS_MAX) {
    await delay(LOOK_MS);
    rest = await look(stack);
  }
  for (let count = 0; count < LOOKS; count++) {
    await delay(LOOK_MS);
    const again = await look(stack);
    // Garbage that is not collected yet is no leak, and neither is the connection of a look that just closes.
    rest = { ...again, rssMb: Math.min(rest.rssMb, again.rssMb), sockets: Math.min(rest.sockets, again.sockets) };
  }
  return rest;
}

export const isIdle = (rest: Rest): boolean =>
  rest.sockets === 0 && rest.requestsInFlight <= 1 && rest.bodyBytes === 0 && rest.engineDepth === 0;

async function look(stack: Stack): Promise<Rest> {
  const pid = stack.pidOf('gateway-0');
  const response = await fetch(`${stack.dataPlane}/metrics`, { headers: { connection: 'close' } });
  const text = await response.text();
  const gauge = (name: string): number =>
    Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  return {
    pid,
    rssMb: Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
    sockets: openSockets(Number(new URL(stack.dataPlane).port)),
    requestsInFlight: gauge('weir_http_requests_in_flight'),
    bodyBytes: gauge('weir_http_body_bytes'),
    engineDepth: gauge('weir_engine_depth'),
  };
}

/** Connections to this port of loopback that the process behind it has open (proc(5), /proc/net/tcp). */
function openSockets(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, address = '', , state = '', , , , , , inode]) =>
        address.endsWith(local) && !NOT_OPEN.has(state) && inode !== '0',
    ).length;
}
