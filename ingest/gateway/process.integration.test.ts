import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../engine/platform/assets.js';
import { type Child, startChild } from '../../loadtest/harness/child.js';
import { freePorts } from '../../loadtest/harness/ports.js';
import { waitFor } from '../../loadtest/harness/services.js';
import { ADMIN_KEY, rawExchange } from '../http/edge-support.js';
import { useRealGateways } from './engine-support.js';

/** The gateway as a process of its own, over a real Redis. */

const CATALOG = `
meters:
  - { id: tokens, eventType: llm.request, aggregation: sum, value: $.tokens }
features:
  - { id: chat, kind: metered, meter: tokens }
  - { id: sso, kind: boolean }
plans:
  - { id: pro, features: { sso: true, chat: { limits: [{ id: monthly, kind: quota, amount: 100, window: { every: month } }] } } }
customers:
  - { id: acme, plan: pro }
`;

const bench = useRealGateways(CATALOG, 0);

describe('the process', () => {
  let child: Child;
  let port = 0;
  const start = async (): Promise<void> => {
    [port = 0] = await freePorts(1);
    child = await startChild(process.execPath, [join(packageRoot(), 'dist/ingest/gateway/main.js')], {
      env: {
        ...process.env,
        REDIS_URL: bench().redis.url,
        WEIR_PORT: String(port),
        WEIR_ADMIN_KEY: ADMIN_KEY,
        WEIR_LOG_LEVEL: 'warn',
        // A busy machine is no part of this.
        WEIR_STORE_TIMEOUT_MS: '1000',
      },
    });
    await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, {
      timeoutMs: 30_000,
      what: 'the gateway',
    });
  };

  it('outlives rude clients, and ends cleanly on SIGTERM with what it accepted answered', async () => {
    await start();
    const body = '{"customer":"acme","feature":"sso"}';
    const request = `POST /v1/check HTTP/1.1\r\nhost: x\r\nx-weir-key: ${ADMIN_KEY}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const attacks = [
      [Buffer.alloc(10_000, 7)],
      [request.repeat(100)],
      [request.slice(0, -3)],
      [`GET /${'a'.repeat(300_000)} HTTP/1.1\r\n\r\n`],
    ];
    await Promise.all(
      Array.from({ length: 25 }, () => attacks)
        .flat()
        .map((pieces) => rawExchange(port, pieces, { settleMs: 20 })),
    );
    expect(child.status(), child.output()).toBeUndefined();

    const answers: Promise<number>[] = [];
    const ask = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${port}/v1/check`, {
        method: 'POST',
        headers: { 'x-weir-key': ADMIN_KEY },
        body: '{"customer":"acme","feature":"chat","amount":0}',
      });
      await response.text();
      return response.status;
    };
    for (let index = 0; index < 200; index++) answers.push(ask());
    await answers[0];
    child.signal('SIGTERM');
    const settled = await Promise.allSettled(answers);
    // Those already connected are answered; those still connecting find the port closed. None hears an error.
    expect(settled.filter((one) => one.status === 'fulfilled' && one.value !== 200)).toEqual([]);
    expect(await child.exited, child.output()).toBe(0);
    await expect(
      new Promise((resolve, reject) => connect(port, '127.0.0.1', () => resolve('open')).on('error', reject)),
    ).rejects.toThrow();
  });
});
