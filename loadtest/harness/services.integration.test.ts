import { Redis } from 'ioredis';
import { connect } from 'nats';
import { afterAll, expect, it } from 'vitest';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { type Service, startNats, startRedis } from './services.js';
import { waitFor } from './wait-for.js';

const started: Service[] = [];
afterAll(async () => {
  await Promise.all(started.map((service) => service.stop()));
});

it('a Redis with an append-only file keeps its data over a kill and a restart on the same port', async () => {
  const service = await startRedis({ appendonly: true });
  started.push(service);
  const redis = new Redis(service.url);
  redis.on('error', () => undefined);
  await redis.set('kept', 'yes');
  const pid = service.pid;
  await service.kill('SIGKILL');
  await service.restart();
  expect(service.pid).not.toBe(pid);
  expect(await redis.get('kept')).toBe('yes');
  redis.disconnect();
});

it('a stopped Redis is frozen, not gone, and goes on after SIGCONT', async () => {
  const service = await startRedis();
  started.push(service);
  const redis = new Redis(service.url);
  await redis.ping();
  await service.kill('SIGSTOP');
  let answered = false;
  const pong = redis.ping().then(() => {
    answered = true;
  });
  await expect(waitFor(() => answered, { timeoutMs: 100, what: 'an answer' })).rejects.toThrow('in vain');
  await service.kill('SIGCONT');
  await pong;
  redis.disconnect();
});

it('a NATS keeps its streams over a kill and a restart', async () => {
  const service = await startNats();
  started.push(service);
  const first = await connect(natsConnectionOptions(service.url));
  const manager = await first.jetstreamManager();
  await manager.streams.add({ name: 'KEPT', subjects: ['kept.*'] });
  await first.jetstream().publish('kept.one', new Uint8Array([1]));
  await first.close();
  await service.kill('SIGKILL');
  await service.restart();
  const second = await connect(natsConnectionOptions(service.url));
  const info = await (await second.jetstreamManager()).streams.info('KEPT');
  expect(info.state.messages).toBe(1);
  await second.close();
});

it('waiting in vain names what was waited for', async () => {
  await expect(waitFor(() => false, { timeoutMs: 5, what: 'rain' })).rejects.toThrow('waited 5 ms in vain for rain');
});
