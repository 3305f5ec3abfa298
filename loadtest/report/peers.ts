import { figure, plural, spreadText } from './format.js';
import type { PeerMeasure, PeersReport } from './report.js';

/** Other limiters beside each other: words and figures that the terminal's report and the document share. */

export const PEERS_HEAD = [
  '',
  'decisions/s',
  'p99, ms',
  'CPU s per million',
  'Redis calls a check',
  'one hot customer: decisions/s',
  'p99, ms',
  'CPU s per million',
  'over-admitted',
  'charged by denials',
];

export function peersRows({ peers }: PeersReport): string[][] {
  return peers.map(({ name, many, hot, probe }) => [
    name,
    ...measured(many),
    many.redisCallsPerDecision === null ? 'none' : figure(many.redisCallsPerDecision),
    ...measured(hot),
    figure(probe.overAdmitted),
    figure(probe.chargedByDenials),
  ]);
}

const measured = ({ decisionsPerSecond, p99Ms, cpuSecondsPerMillion }: PeerMeasure): string[] => [
  spreadText(decisionsPerSecond),
  spreadText(p99Ms),
  spreadText(cpuSecondsPerMillion),
];

/** What was done to all of them. */
export function peersText({ customers, connections, rounds, secondsPerRound, peers }: PeersReport): string {
  const quota = figure(peers[0]?.probe.quota ?? 0);
  return (
    `The same check, a bucket and a quota of a month, on ${plural(connections, 'connection')}: of ${figure(customers)} customers in turn, ` +
    `then of one; ${plural(rounds, 'round')} of ${secondsPerRound} s each, in turns. CPU without the load generator's. ` +
    `At last a quota of ${quota} is drawn dry: half of it by checks of 1 to 7, then ten checks for more than all of it, ` +
    'which are denied, then the rest by checks of 1 to 7 and of 1. Over-admitted is what was admitted past it; charged by denials ' +
    'is what of it nobody was admitted to'
  );
}

/** How each was asked, and the processes that its CPU is of. */
export function peersNotes({ peers, skipped }: PeersReport): string[] {
  const notes = peers.map(({ name, how, many, probe }) => {
    const parts = Object.entries(many.cpuSecondsPerMillionByProcess).map(
      ([process, seconds]) => `${process} ${figure(seconds)}`,
    );
    const unknown = probe.unknownAmount > 0 ? `; amount of unknown fate ${figure(probe.unknownAmount)}` : '';
    return `${name}: ${how}. CPU s per million: ${parts.join(', ')}; of ${figure(probe.quota)} ${figure(probe.admitted)} were admitted${unknown}`;
  });
  return [...notes, ...skipped.map(({ name, reason }) => `${name} was left out: ${reason}`)];
}
