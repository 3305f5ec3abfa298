import { describe, expect, it } from 'vitest';
import { DIALECTS, dialectSchema } from './dialects.js';
import type { LoadJob } from './job.js';
import { buildRequests, decisionsIn, largestAmount } from './requests.js';
import { Tally } from './tally.js';

const job = (change: Partial<LoadJob>): LoadJob => ({
  workload: 'single',
  dialect: 'weir',
  baseUrl: 'http://127.0.0.1:1',
  key: 'k',
  connections: 1,
  customers: ['a', 'b', 'c', 'd'],
  lean: false,
  amounts: [1],
  quota: 100,
  run: '0badf00d',
  ...change,
});

describe('pairs of a hold and its commit', () => {
  const tally = new Tally();
  const groups = buildRequests(job({ workload: 'reserve' }), tally);

  it('stay together, and each commit names the hold that was made just before on its connection', () => {
    expect(groups.map((group) => group.length)).toEqual([2, 2, 2, 2]);
    const ids = [0, 1].flatMap(() =>
      groups.map(([hold, commit]) => {
        const context: Record<string, string> = {};
        const held = hold?.setupRequest?.(hold, context);
        const id = JSON.parse(String(held?.body)).id;
        expect(commit?.setupRequest?.(commit, context).path).toBe(`/v1/reservations/${id}/commit`);
        return id;
      }),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('charge what the commit says, once a pair, and nothing where there is no commit', () => {
    const [hold, commit] = groups[1] ?? [];
    hold?.onResponse(200, '{"allowed":true}');
    expect(tally.result()).toMatchObject({ admitted: {}, charged: 0 });
    commit?.onResponse(200, '{"status":"committed"}');
    expect(tally.result()).toMatchObject({ admitted: { b: 2 }, charged: 1 });
    commit?.onResponse(404, '{"error":{"code":"unknown_reservation"}}');
    commit?.onResponse(503, '{"error":{"code":"outcome_unknown"}}');
    expect(tally.result()).toMatchObject({ admitted: { b: 2 }, charged: 1, refused: 1, unknownAmount: 2 });
    expect(decisionsIn(2 * 7 + 1, 'reserve')).toBe(7);
  });
});

describe('the largest amount that a lost answer may have charged', () => {
  it('is that of the largest request', () => {
    expect(largestAmount({ workload: 'single', amounts: [1] })).toBe(3);
    expect(largestAmount({ workload: 'batch', amounts: [1] })).toBe(300);
    expect(largestAmount({ workload: 'reserve', amounts: [1] })).toBe(3);
    expect(largestAmount({ workload: 'exact', amounts: [1, 21, 7] })).toBe(21);
  });
});

describe('the interfaces of other limiters', () => {
  const answers = {
    weir: [200, '{"allowed":true,"reason":"ok"}', 200, '{"allowed":false,"reason":"limit_exceeded"}'],
    limiter: [200, '{"allowed":true}', 200, '{"allowed":false}'],
    gubernator: [
      200,
      '{"responses":[{"status":"UNDER_LIMIT"},{"status":"UNDER_LIMIT"}]}',
      200,
      '{"responses":[{"status":"UNDER_LIMIT"},{"status":"OVER_LIMIT"}]}',
    ],
    ratelimit: [200, '{"overallCode":"OK"}', 429, '{"overallCode":"OVER_LIMIT"}'],
  } as const;

  it.each(dialectSchema.options)('%s: a check is admitted only where every limit admits it', (name) => {
    const [admittedStatus, admitted, deniedStatus, denied] = answers[name];
    const tally = new Tally(DIALECTS[name]);
    const [[request] = []] = buildRequests(job({ dialect: name, customers: ['a'] }), tally);
    expect(JSON.stringify(request?.body)).toContain('a');
    request?.onResponse(admittedStatus, admitted);
    request?.onResponse(deniedStatus, denied);
    const { admitted: sums, charged, denied: denials } = tally.result();
    expect({ sums, charged }).toEqual({ sums: { a: 1 }, charged: 1 });
    expect(Object.values(denials)).toEqual([1]);
    request?.onResponse(500, 'no');
    expect(tally.result()).toMatchObject({ charged: 1, unknownAmount: 1 });
  });
});
