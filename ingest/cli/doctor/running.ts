import { type ReadinessAnswer, WeirApiError, WeirClient } from '../../client/index.js';
import type { FoundKey, Target } from '../connection.js';
import type { Finding } from './finding.js';
import { inspectPipeline } from './pipeline.js';

const TIMEOUT_MS = 5_000;
/** Decisions use Redis's clock; the sender's stamps its events, and 5 minutes ahead they are refused. */
const SKEW_MS_WARN = 5_000;
const SKEW_MS_FAIL = 5 * 60_000;

/** The two ports, what each can reach, the key, the clock, and what the metrics tell. */
export async function inspectRunning(target: Target, found: FoundKey | undefined): Promise<Finding[]> {
  const client = new WeirClient({
    url: target.dataPlane,
    consoleUrl: target.console,
    key: found?.key,
    timeoutMs: TIMEOUT_MS,
    retriesMax: 0,
  });
  const findings = [
    await inspectPort('data plane', target.dataPlane, 'WEIR_PORT', () => client.ready()),
    await inspectPort('console', target.console, 'WEIR_CONSOLE_PORT', () => client.control.ready()),
  ];
  if (findings.every(({ level }) => level === 'fail')) return findings;
  return [
    ...findings,
    await inspectKey(client, found),
    await inspectClock(target.dataPlane),
    ...(await inspectPipeline(target, found?.key, target.config.gateways)),
  ];
}

/** `/readyz` names what cannot be reached: Redis, NATS, ClickHouse. */
async function inspectPort(
  subject: string,
  url: string,
  setting: string,
  ready: () => Promise<ReadinessAnswer>,
): Promise<Finding> {
  try {
    const answer = await ready();
    return answer.ready
      ? { level: 'ok', subject, text: `${url} is ready: it reaches all that it needs` }
      : { level: 'fail', subject, text: `${url} runs, but: ${answer.problems.join('; ')}` };
  } catch (error) {
    if (!(error instanceof WeirApiError)) throw error;
    return { level: 'fail', subject, text: portProblem(error, url, setting) };
  }
}

function portProblem(error: WeirApiError, url: string, setting: string): string {
  switch (error.code) {
    case 'unreachable':
      return `${error.message}: start Weir by "npm start", or say where it is by WEIR_HOME or WEIR_URL`;
    case 'timeout':
      return `${error.message}: the process hangs, or something between swallows it`;
    case 'unexpected_answer':
      return `another program answers at ${url}: stop it, or set another ${setting}`;
    default:
      return `${error.code}: ${error.message}`;
  }
}

async function inspectKey(client: WeirClient, found: FoundKey | undefined): Promise<Finding> {
  const subject = 'key';
  if (found === undefined) {
    return { level: 'fail', subject, text: 'there is none: set WEIR_KEY, or run this where WEIR_HOME is' };
  }
  try {
    await client.control.listKeys({ limit: 1 });
    return { level: 'ok', subject, text: `the one of ${found.foundBy} has every right` };
  } catch (error) {
    if (!(error instanceof WeirApiError)) throw error;
    if (error.code === 'forbidden') {
      return { level: 'ok', subject, text: `the one of ${found.foundBy} is known, without the scope "admin"` };
    }
    if (error.status === 401) {
      return { level: 'fail', subject, text: `the one of ${found.foundBy} is unknown, or was revoked` };
    }
    return { level: 'warn', subject, text: `cannot be tried: ${error.message}` };
  }
}

/** Compares this machine's clock with the one that the server's answers carry, to the second that they have. */
async function inspectClock(url: string): Promise<Finding> {
  const subject = 'clock';
  try {
    const sentMs = Date.now();
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    await response.arrayBuffer();
    const serverMs = Date.parse(response.headers.get('date') ?? '');
    if (Number.isNaN(serverMs)) {
      return { level: 'ok', subject, text: `${new Date().toISOString()} here; the server's answers carry no time` };
    }
    // The header is cut to the second, and was written between sending and now.
    const aheadMs = Math.max(0, sentMs - serverMs - 1_000) - Math.max(0, serverMs - Date.now());
    const text = `${Math.abs(Math.round(aheadMs / 1_000))} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the server's`;
    if (Math.abs(aheadMs) < SKEW_MS_WARN) return { level: 'ok', subject, text: 'agrees with the server' };
    return { level: Math.abs(aheadMs) < SKEW_MS_FAIL ? 'warn' : 'fail', subject, text: `${text}: set it by NTP` };
  } catch {
    return { level: 'warn', subject, text: 'the server did not say its time' };
  }
}
