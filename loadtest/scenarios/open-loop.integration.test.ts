import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { LoadJob } from './job.js';
import { generateOpenLoop } from './open-loop.js';

const ADMITTED = JSON.stringify({ allowed: true, reason: 'ok' });
const CONNECTIONS = 4;
const RATE = 400;
const SECONDS = 0.5;

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

/** A server that answers each check once `isOpen` says so. */
async function listen(isOpen: () => Promise<void>): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => void isOpen().then(() => response.end(ADMITTED)));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const jobAt = (baseUrl: string): LoadJob => ({
  workload: 'single',
  dialect: 'weir',
  baseUrl,
  key: 'k',
  connections: CONNECTIONS,
  customers: ['a', 'b', 'c'],
  seconds: SECONDS,
  ratePerSecond: RATE,
  lean: false,
  amounts: [1],
  quota: 1,
  run: '00000001',
});

it('an open loop asks as often as it was told, and counts every answer', async () => {
  const result = await generateOpenLoop(jobAt(await listen(() => Promise.resolve())));
  expect(result.charged).toBe(RATE * SECONDS);
  expect(Object.keys(result.admitted).sort()).toEqual(['a', 'b', 'c']);
  expect(result).toMatchObject({ unknownAmount: 0, refused: 0, oddAnswers: [] });
});

it('a server that stalls is asked no less: what was due meanwhile is sent, and counts, however late it is answered', async () => {
  // From the first arrival until all of them were due, and a little longer.
  let opened: Promise<void> | undefined;
  const open = () => {
    opened ??= new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000 + 100));
    return opened;
  };
  const result = await generateOpenLoop(jobAt(await listen(open)));
  expect(result.charged).toBe(RATE * SECONDS);
  // Nothing was answered in time, though no connection waited for more than one answer.
  expect(result.requests).toBe(0);
  expect(result.unknownAmount).toBe(0);
});
