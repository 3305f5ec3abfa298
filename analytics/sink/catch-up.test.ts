import { ErrorCode, NatsError } from 'nats';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { CatchUp } from './catch-up.js';

/** A sink whose answers the test gives, under a clock of the test's. */
function fixture(answers: readonly (boolean | ErrorCode)[]) {
  const clock = { ms: 1_000 };
  const asked: number[] = [];
  const request = async () => {
    const answer = answers[asked.length] ?? true;
    asked.push(clock.ms);
    if (typeof answer === 'string') throw NatsError.errorForCode(answer);
    return { data: Buffer.from(JSON.stringify({ caughtUp: answer })) };
  };
  const registry = new Registry();
  const catchUp = new CatchUp({ nats: () => ({ request }), registry, now: () => clock.ms });
  return { clock, asked, catchUp, registry };
}

test('readers that come together ask once, and those within half a second not again', async () => {
  const { clock, asked, catchUp } = fixture([]);
  await Promise.all([catchUp.ask(), catchUp.ask(), catchUp.ask()]);
  clock.ms += 499;
  await catchUp.ask();
  expect(asked).toEqual([1_000]);
  clock.ms += 1;
  await catchUp.ask();
  expect(asked).toEqual([1_000, 1_500]);
});

test('a sink that stopped before it had caught up is asked again at once', async () => {
  const { asked, catchUp } = fixture([false]);
  await catchUp.ask();
  await catchUp.ask();
  expect(asked).toHaveLength(2);
});

test('a sink that hangs is waited for by few readers', async () => {
  const { clock, asked, catchUp, registry } = fixture([ErrorCode.Timeout, true]);
  await catchUp.ask();
  clock.ms += 1_999;
  await catchUp.ask();
  expect(asked).toHaveLength(1);
  clock.ms += 1;
  await catchUp.ask();
  expect(asked).toHaveLength(2);
  expect(await registry.metrics()).toContain('weir_catch_ups_total{outcome="hanging"} 1');
});

test('where no sink listens, which NATS says at once, the next reader asks again', async () => {
  const { asked, catchUp, registry } = fixture([ErrorCode.NoResponders, true]);
  await catchUp.ask();
  await catchUp.ask();
  expect(asked).toHaveLength(2);
  expect(await registry.metrics()).toContain('weir_catch_ups_total{outcome="away"} 1');
});

test('before NATS is reached nobody is asked, and nobody waits', async () => {
  await new CatchUp({ nats: () => undefined, registry: new Registry() }).ask();
});
