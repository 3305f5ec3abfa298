import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../engine/platform/assets.js';
import type { Alert } from './alert.js';
import { Sender } from './sender.js';
import { newSecret, type Target, type TargetRequest } from './target.js';
import { Receiver } from './test-support/receiver.js';

const alert: Alert = {
  id: `al_${'1'.repeat(32)}`,
  at: '2026-11-24T12:00:00.000Z',
  kind: 'cap_reached',
  customer: 'acme',
  plan: 'pro',
  entity: null,
  feature: 'chat',
  limit: 'monthly',
  threshold: null,
  used: 100,
  included: 100,
  window: { start: '2026-11-01T00:00:00.000Z', end: '2026-12-01T00:00:00.000Z' },
};
const targetOf = (destination: TargetRequest, secret?: string): Target => ({
  id: 'ops',
  destination,
  secrets: secret === undefined ? [] : [{ secret, untilMs: null }],
  updatedAt: alert.at,
  updatedBy: 'test',
});
const senderOf = (smtpUrl?: string) => new Sender({ allowPrivate: true, smtpUrl, smtpFrom: 'weir@example.com' });

async function startReceiver(): Promise<Receiver> {
  const receiver = await Receiver.start();
  onTestFinished(() => receiver.stop());
  return receiver;
}

test('the verification that docs/alerts.md shows takes what is sent, and nothing else', async () => {
  const text = readFileSync(join(packageRoot(), 'docs/alerts.md'), 'utf8');
  const code = /^```js\n(.*?)^```/ms.exec(text)?.[1] ?? '';
  const { isFromWeir } = await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`);
  const receiver = await startReceiver();
  const secret = newSecret();
  await senderOf().send(targetOf({ kind: 'webhook', url: receiver.url, filter: {} }, secret), alert);
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  expect(isFromWeir(headers, body, secret)).toBe(true);
  expect(isFromWeir(headers, `${body} `, secret)).toBe(false);
  expect(isFromWeir(headers, body, newSecret())).toBe(false);
  expect(isFromWeir({ ...headers, 'webhook-timestamp': '1' }, body, secret)).toBe(false);
  expect(isFromWeir({}, body, secret)).toBe(false);
});

test('Slack gets the text that its incoming webhooks take, and no signature', async () => {
  const receiver = await startReceiver();
  const outcome = await senderOf().send(
    targetOf({ kind: 'slack', url: `${receiver.url}/services`, filter: {} }),
    alert,
  );
  expect(outcome).toMatchObject({ delivered: true, status: 204 });
  const [{ headers, body } = { headers: {}, body: '{}' }] = receiver.received;
  expect(JSON.parse(body)).toEqual({
    text: expect.stringContaining('acme: chat (monthly) has reached its cap\n100 used of 100'),
  });
  expect(headers).not.toHaveProperty('webhook-signature');
});

/** A mail server that takes one letter after the other, as far as RFC 5321 needs it for that. */
async function startMailServer(answerToData: string) {
  const letters: string[] = [];
  const server = createServer((socket) => {
    let text = '';
    let isLetter = false;
    socket.write('220 test\r\n');
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        if (isLetter) {
          const last = text.indexOf('\r\n.\r\n');
          if (last < 0) return;
          letters.push(text.slice(0, last));
          text = text.slice(last + 5);
          isLetter = false;
          socket.write('250 taken\r\n');
          continue;
        }
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        isLetter = line === 'DATA' && answerToData.startsWith('354');
        socket.write(line === 'DATA' ? `${answerToData}\r\n` : line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
      }
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { letters, url: `smtp://127.0.0.1:${port}` };
}

test('mail goes out under the id of the alert, and its failures name no address', async () => {
  const target = targetOf({ kind: 'email', address: 'ops@example.com', filter: {} });
  const mail = await startMailServer('354 go on');
  expect(await senderOf(mail.url).send(target, alert)).toMatchObject({ delivered: true, error: null });
  expect(mail.letters).toHaveLength(1);
  for (const line of [
    'To: ops@example.com',
    'From: weir@example.com',
    `Message-ID: <${alert.id}@weir>`,
    'has reached its cap',
  ]) {
    expect(mail.letters[0]).toContain(line);
  }
  const refusing = await startMailServer('451 not now');
  expect(await senderOf(refusing.url).send(target, alert)).toMatchObject({
    delivered: false,
    error: 'mail: EENVELOPE',
  });
  expect(await senderOf().send(target, alert)).toMatchObject({ delivered: false, error: 'WEIR_SMTP_URL is not set' });
});
