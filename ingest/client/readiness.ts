import { type ReadinessAnswer, readinessSchema } from './answers.js';
import { parseAnswer, type Transport } from './transport.js';

/** `GET /readyz`, whose 503 is an answer like its 200. @throws WeirApiError when nobody answers. */
export async function readiness(
  transport: Transport,
  baseUrl: string,
  signal: AbortSignal | undefined,
): Promise<ReadinessAnswer> {
  const url = `${baseUrl}/readyz`;
  const { text, status } = await transport.send({
    method: 'GET',
    url,
    repeatable: false,
    signal,
    isAnswer: (code) => code === 503,
  });
  return parseAnswer(text, status, { url }, readinessSchema);
}
