import { createServer, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { waitFor } from '../harness/wait-for.js';
import type { AlertsMeasure, AlertsReport } from '../report/report.js';
import { LOAD_FEATURE } from './catalog.js';
import { LatencyHistogram } from './histogram.js';
import { runRound } from './rounds.js';
import { type Extents, openDrive } from './scenarios.js';
import type { Drive, Session } from './session.js';

const CONNECTIONS = 64;
/** Crossings a second, each of another customer. */
const CROSSINGS_PER_SECOND = 50;
/** From the last crossing until what was not told counts as missing. */
const TOLD_MS_MAX = 60_000;
/** A stack under load may refuse a check; it is sent again. */
const ATTEMPTS_MAX = 50;
const AGAIN_MS = 100;
/** What is told at first: the stack is ready, and the catalog known everywhere. */
const FIRST = 'alerted-first';
const QUOTA = 100;
const WARN_AT = 80;

const bodySchema = z.object({ data: z.object({ customer: z.string() }) });

const decisionSchema = z.looseObject({ allowed: z.boolean().default(false), reason: z.string().optional() });

/** What came of one customer's crossing. */
interface Crossing {
  readonly chargedMs: number;
  readonly ids: Set<string>;
  requests: number;
}

/**
 * How soon and how often a crossing is told while checks go on: at half of their greatest rate, and as fast as they
 * go. Each crossing is of a customer of its own; its time counts from when its check was sent until the webhook is here.
 */
export async function measureAlerts(session: Session, extents: Extents): Promise<AlertsReport> {
  const seconds = extents.seconds * extents.rounds;
  const receiver = await AlertReceiver.start();
  try {
    const customers = (name: string): string[] =>
      Array.from({ length: Math.ceil(seconds * CROSSINGS_PER_SECOND) }, (_, index) => `alerted-${name}-${index}`);
    const [half, full] = [customers('half'), customers('full')];
    await prepare(session, receiver, [FIRST, ...half, ...full]);
    const drive = await openDrive(session, CONNECTIONS, extents);
    const measured: AlertsMeasure[] = [];
    for (const [load, ids, under] of [
      ['half', half, drive],
      ['full', full, { workload: 'single', connections: CONNECTIONS }],
    ] as const) {
      extents.progress(`alerts: ${ids.length} crossings under ${load} load`);
      measured.push(await measure(session, receiver, { ids, under, seconds, load }));
    }
    return { connections: CONNECTIONS, crossingsPerSecond: CROSSINGS_PER_SECOND, seconds, measured };
  } finally {
    await receiver.stop();
  }
}

interface Round {
  readonly ids: readonly string[];
  readonly under: Drive;
  readonly seconds: number;
  readonly load: AlertsMeasure['load'];
}

async function measure(session: Session, receiver: AlertReceiver, round: Round): Promise<AlertsMeasure> {
  const { ids, under, seconds, load } = round;
  const loading = runRound(session.weirSide(under), seconds);
  const crossed = ids.map(async (id, index) => {
    await delay((index * 1_000) / CROSSINGS_PER_SECOND);
    await cross(session, receiver, id);
  });
  const [{ measured, strangerCores }] = await Promise.all([loading, ...crossed]);
  const isTold = (id: string): boolean => receiver.crossing(id).requests > 0;
  // Whoever is missing then is counted below.
  await waitFor(() => ids.every(isTold), { timeoutMs: TOLD_MS_MAX, what: 'every crossing' }).catch(() => undefined);
  const crossings = ids.map((id) => receiver.crossing(id));
  const histogram = new LatencyHistogram();
  for (const id of ids) histogram.add(receiver.latencyMs(id) ?? TOLD_MS_MAX);
  return {
    load,
    decisionsPerSecond: measured.decisions / measured.seconds,
    strangerCores,
    crossings: ids.length,
    missing: ids.filter((id) => !isTold(id)).length,
    // Two alerts of one crossing, and requests that repeat an alert.
    doubled: crossings.filter((crossing) => crossing.ids.size > 1).length,
    repeated: crossings.reduce((sum, { requests, ids: told }) => sum + requests - told.size, 0),
    p50Ms: histogram.quantile(0.5),
    p99Ms: histogram.quantile(0.99),
    maxMs: histogram.maxMs,
  };
}

/** Takes a customer past its threshold by one check. @throws Error where the check is not admitted. */
async function cross(session: Session, receiver: AlertReceiver, customer: string): Promise<void> {
  const { stack, key } = session.target;
  for (let attempt = 1; ; attempt++) {
    receiver.expect(customer);
    const response = await fetch(`${stack.dataPlane}/v1/check`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ customer, feature: LOAD_FEATURE, amount: WARN_AT + 5, id: customer }),
    });
    const answer = await response.text();
    const { allowed, reason } = decisionSchema.parse(JSON.parse(answer));
    if (allowed) return;
    // Redis was busy for a moment: charged once by its id, however often it is sent.
    if ((response.status !== 503 && reason !== 'unavailable') || attempt === ATTEMPTS_MAX) {
      throw new Error(`the check of ${customer} answered ${response.status}: ${answer}`);
    }
    await delay(AGAIN_MS);
  }
}

/** A plan with a threshold, its customers, and a webhook. */
async function prepare(session: Session, receiver: AlertReceiver, customers: readonly string[]): Promise<void> {
  const { stack } = session.target;
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' };
    const response = await fetch(stack.console + path, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  };
  const limit = { id: 'yearly', kind: 'quota', amount: QUOTA, window: { every: 'year' }, warnAt: [WARN_AT] };
  await send('POST', '/v1/catalog/apply?owner=api', {
    plans: [{ id: 'alerted', features: { [LOAD_FEATURE]: { limits: [limit] } } }],
    customers: customers.map((id) => ({ id, plan: 'alerted' })),
  });
  const target = { kind: 'webhook', url: receiver.url, filter: { plans: ['alerted'] } };
  await waitFor(() => send('PUT', '/v1/alert-targets/load', target).then(() => true), {
    timeoutMs: TOLD_MS_MAX,
    what: 'the alert target',
  });
  await cross(session, receiver, FIRST);
  await waitFor(() => receiver.crossing(FIRST).requests > 0, { timeoutMs: TOLD_MS_MAX, what: 'the first alert' });
}

/** Where the alerts of a load test arrive. */
class AlertReceiver {
  readonly #crossings = new Map<string, Crossing>();
  readonly #latenciesMs = new Map<string, number>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const receivedMs = performance.now();
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.writeHead(204).end();
        const { customer } = bodySchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))).data;
        this.#take(customer, String(request.headers['webhook-id']), receivedMs);
      });
    });
  }

  static async start(): Promise<AlertReceiver> {
    const receiver = new AlertReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the receiver does not listen');
    return `http://127.0.0.1:${address.port}/`;
  }

  /** A check is sent, perhaps again: what has been told by then was charged by an earlier one. */
  expect(customer: string): void {
    if (this.crossing(customer).requests > 0) return;
    this.#crossings.set(customer, { chargedMs: performance.now(), ids: new Set(), requests: 0 });
  }

  crossing(customer: string): Crossing {
    return this.#crossings.get(customer) ?? { chargedMs: 0, ids: new Set(), requests: 0 };
  }

  /** Undefined while it is not told. */
  latencyMs(customer: string): number | undefined {
    return this.#latenciesMs.get(customer);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(customer: string, id: string, receivedMs: number): void {
    const crossing = this.#crossings.get(customer);
    if (crossing === undefined) return;
    if (crossing.requests === 0) this.#latenciesMs.set(customer, receivedMs - crossing.chargedMs);
    crossing.ids.add(id);
    crossing.requests += 1;
  }
}
