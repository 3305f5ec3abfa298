import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { connectRedis } from './redis.js';

it('a Redis that says it will load for long is used as soon as it has loaded', async () => {
  const looks: string[] = [];
  const server = createServer((socket) => {
    socket.on('data', (bytes) => {
      for (const [, command = ''] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        if (command.toLowerCase() !== 'info') {
          socket.write('+OK\r\n');
          continue;
        }
        const info = looks.length === 0 ? 'loading:1\r\nloading_eta_seconds:10' : 'loading:0';
        looks.push(info);
        socket.write(`$${info.length}\r\n${info}\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const redis = connectRedis(`redis://127.0.0.1:${address.port}`);
  await new Promise((resolve) => redis.once('ready', resolve));
  expect(looks).toHaveLength(2);
  redis.disconnect();
  server.close();
}, 5_000);
