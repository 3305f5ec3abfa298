import { AckPolicy, connect } from 'nats';
import { expect, onTestFinished, test } from 'vitest';
import { ALERTS_CONSUMER, FACTS_STREAM, factsSubject, SINK_CONSUMER } from '../../engine/contract/subjects.js';
import { natsConnectionOptions } from '../../engine/platform/urls.js';
import { startNats } from '../../loadtest/harness/services.js';
import { purgeAcknowledged } from './streams.js';

const STREAM_BYTES = 1024 * 1024;
const MESSAGE_BYTES = STREAM_BYTES / 50;

test('facts wait for alerts while there is room, and for the sink for ever', async () => {
  const service = await startNats();
  const nats = await connect(natsConnectionOptions(service.url));
  onTestFinished(async () => {
    await nats.close();
    await service.stop();
  });
  const manager = await nats.jetstreamManager();
  const js = nats.jetstream();
  await manager.streams.add({ name: FACTS_STREAM, subjects: [factsSubject('*')], max_bytes: STREAM_BYTES });
  for (const name of [SINK_CONSUMER, ALERTS_CONSUMER]) {
    await manager.consumers.add(FACTS_STREAM, { durable_name: name, ack_policy: AckPolicy.All });
  }
  const publish = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent++) await js.publish(factsSubject('s00'), Buffer.alloc(MESSAGE_BYTES));
  };
  const consume = async (name: string, count: number): Promise<void> => {
    const consumer = await js.consumers.get(FACTS_STREAM, name);
    for await (const message of await consumer.fetch({ max_messages: count })) await message.ackAck();
  };
  await publish(30);
  await consume(SINK_CONSUMER, 28);
  expect(await purgeAcknowledged(manager)).toBe(0);
  await consume(ALERTS_CONSUMER, 2);
  expect(await purgeAcknowledged(manager)).toBe(2);
  // Past three quarters alerts are not waited for.
  await publish(12);
  expect(await purgeAcknowledged(manager)).toBe(26);
});
