import { createHmac } from 'node:crypto';

/**
 * Headers of a Standard Webhooks delivery (standardwebhooks.com, specification 1.0): the signature is the base64 of
 * HMAC-SHA256 over `id.timestamp.body`, by what stands in base64 behind `whsec_`; one for each secret, split by a space.
 * @param atMs of this attempt: a receiver refuses what is older than some minutes.
 */
export function signedHeaders(
  id: string,
  atMs: number,
  body: string,
  secrets: readonly string[],
): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1_000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
