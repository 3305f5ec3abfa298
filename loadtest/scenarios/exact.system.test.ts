import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { drawDry } from './scenarios.js';
import { Session } from './session.js';

const QUOTA = 10_000;
const GATEWAYS = 4;
/** Eight clients with four connections each: the kernel deals connections out, and every gateway shall get some. */
const CONNECTIONS = 8 * 4;
const LAG_MS_MAX = 60_000;

/** A busy machine is no outage: every check is decided, however long it takes. */
const PATIENT = { WEIR_STORE_TIMEOUT_MS: '20000', WEIR_STORE_FATE_MS: '60000' };

let session: Session | undefined;
beforeAll(async () => {
  session = await Session.open({ gateways: GATEWAYS, customers: 1, dryQuota: QUOTA, env: PATIENT });
});
afterAll(async () => {
  await session?.close();
});

it('eight clients on four gateways draw a quota dry: exactly its amount is admitted, and the books say so', async () => {
  if (session === undefined) throw new Error('there is no stack');
  const { target, ledger } = session;
  const drawn = await drawDry(session, CONNECTIONS);
  expect(drawn.admitted).toBe(QUOTA);
  expect(drawn.denied).toEqual({ limit_exceeded: drawn.requests - QUOTA });

  const verdict = await ledger.judge(target, LAG_MS_MAX);
  expect(verdict).toMatchObject({
    admitted: QUOTA,
    charged: QUOTA,
    refused: 0,
    unknownAmount: 0,
    overAdmitted: 0,
    factsAmount: QUOTA,
    differences: [],
    exact: true,
  });

  const response = await fetch(`${target.stack.dataPlane}/v1/customers/${target.catalog.dry}/usage`, {
    headers: { authorization: `Bearer ${target.stack.adminKey}` },
  });
  const counters = z
    .object({ features: z.object({ api: z.object({ limits: z.object({ total: z.object({ used: z.number() }) }) }) }) })
    .parse(await response.json());
  expect(counters.features.api.limits.total.used).toBe(QUOTA);
});

it('a pair of a hold and its commit is charged once, by the commit, and an open loop sends what is due, all of it', async () => {
  if (session === undefined) throw new Error('there is no stack');
  const { target, ledger } = session;
  const pairs = 800;
  for (const lean of [true, false]) {
    const reserved = await session.load({ workload: 'reserve', connections: 8, lean }, { requests: 2 * pairs });
    expect(reserved).toMatchObject({ charged: pairs, decisions: pairs, denied: {}, refused: 0, unknownAmount: 0 });
  }

  const arrivals = 400;
  const drive = { workload: 'single', connections: 8, ratePerSecond: 2 * arrivals } as const;
  const arrived = await session.load(drive, { seconds: 0.5 });
  expect(arrived).toMatchObject({ charged: arrivals, denied: {}, refused: 0, unknownAmount: 0, oddAnswers: [] });

  const verdict = await ledger.judge(target, LAG_MS_MAX);
  expect(verdict).toMatchObject({
    charged: QUOTA + 2 * pairs + arrivals,
    differences: [],
    unknownAmount: 0,
    exact: true,
  });
});
