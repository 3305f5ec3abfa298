import type { PeerProbe } from '../report/report.js';
import type { LoadResult } from '../scenarios/job.js';
import type { Drive, Extent, Session } from '../scenarios/session.js';
import type { Peer } from './peer.js';

/** Amounts of the checks that draw, 1 to 7, and what they come to on average. */
const AMOUNTS = [1, 2, 3, 4, 5, 6, 7];
const AMOUNT_MEAN = 4;
/** Checks for more than the whole quota, which any limiter denies. */
const OUTSIZE_CHECKS = 10;

/**
 * Draws one quota dry on many connections: half of it by checks of mixed amounts; then some for more than all of it,
 * which are denied; then mixed amounts for as much again as there was; at last single units, as many as the quota has.
 * Whoever neither admits too much nor charges a denial has admitted exactly the quota in the end.
 */
export async function probe(session: Session, peer: Peer, connections: number): Promise<PeerProbe> {
  const quota = session.target.catalog.dryQuota;
  const steps: { amounts: readonly number[]; requests: number }[] = [
    { amounts: AMOUNTS, requests: Math.ceil(quota / 2 / AMOUNT_MEAN) },
    { amounts: [quota + 1], requests: OUTSIZE_CHECKS },
    { amounts: AMOUNTS, requests: Math.ceil(quota / AMOUNT_MEAN) },
    { amounts: [1], requests: quota },
  ];
  const results: LoadResult[] = [];
  for (const { amounts, requests } of steps) {
    const drive: Drive = { workload: 'exact', connections: Math.min(connections, requests), amounts };
    results.push(await loadPeer(session, peer, drive, { requests }));
  }
  return probeOf(quota, connections, session.target.catalog.dry, results);
}

/** Puts load on a peer; what the stack itself is asked is in its books. */
export function loadPeer(session: Session, peer: Peer, drive: Drive, extent: Extent): Promise<LoadResult> {
  return peer.elsewhere === null ? session.load(drive, extent) : session.loadElsewhere(drive, extent, peer.elsewhere);
}

/** What the answers of all steps come to. */
export function probeOf(
  quota: number,
  connections: number,
  customer: string,
  results: readonly Pick<LoadResult, 'admitted' | 'denied' | 'requests' | 'unknownAmount'>[],
): PeerProbe {
  const sum = (of: (result: (typeof results)[number]) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  const admitted = sum((result) => result.admitted[customer] ?? 0);
  return {
    quota,
    connections,
    requests: sum(({ requests }) => requests),
    admitted,
    denied: sum(({ denied }) => Object.values(denied).reduce((total, count) => total + count, 0)),
    overAdmitted: Math.max(0, admitted - quota),
    chargedByDenials: Math.max(0, quota - admitted),
    unknownAmount: sum(({ unknownAmount }) => unknownAmount),
  };
}
