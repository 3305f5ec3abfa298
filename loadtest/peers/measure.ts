import type { PeerMeasure, PeerReport, PeersReport } from '../report/report.js';
import { type Round, runRound, type Side, sideReport } from '../scenarios/rounds.js';
import type { Extents } from '../scenarios/scenarios.js';
import type { Drive, Session } from '../scenarios/session.js';
import { startEnvoyRatelimit } from './envoy-ratelimit.js';
import { startGubernator } from './gubernator.js';
import { LIBRARIES, startLibrary } from './libraries.js';
import type { Peer } from './peer.js';
import { loadPeer, probe } from './probe.js';

const CONNECTIONS = 64;

/**
 * Puts the same checks to other limiters and to the stack, in turns.
 *
 * @param lagMsMax from the last answer until all facts of the stack must be there
 */
export async function measurePeers(session: Session, extents: Extents, lagMsMax: number): Promise<PeersReport> {
  const { progress, rounds, seconds } = extents;
  const skipped: { name: string; reason: string }[] = [];
  const peers: Peer[] = [weir(session)];
  try {
    for (const library of LIBRARIES) {
      progress(`peers: starting ${library.packageName}`);
      peers.push(await startLibrary(library, session));
    }
    for (const { name, start } of programs(session)) {
      progress(`peers: building and starting ${name}`);
      try {
        peers.push(await start());
      } catch (error) {
        const reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
        progress(`peers: ${name} is left out: ${reason}`);
        skipped.push({ name, reason });
      }
    }
    const { customers } = session.target.catalog;
    const many = await measureInTurns(session, peers, customers, 'many customers', extents);
    const hot = await measureInTurns(session, peers, customers.slice(0, 1), 'one hot customer', extents);
    const reports: PeerReport[] = [];
    for (const peer of peers) {
      progress(`peers: ${peer.name}: a quota drawn dry`);
      const measures = { many: measureOf(many, peer), hot: measureOf(hot, peer) };
      reports.push({ name: peer.name, how: peer.how, ...measures, probe: await probe(session, peer, CONNECTIONS) });
    }
    return {
      customers: customers.length,
      connections: CONNECTIONS,
      rounds,
      secondsPerRound: seconds,
      peers: reports,
      skipped,
      verdict: await session.ledger.judge(session.target, lagMsMax),
    };
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
}

function weir(session: Session): Peer {
  return {
    name: 'Weir',
    how: 'as it is: keys, exact amounts, facts on their way to ClickHouse, all of its processes counted',
    elsewhere: null,
    processes: session.target.processes,
    redisCalls: 'functions',
    stop: () => Promise.resolve(),
  };
}

/** Those in Go, which are left out where they cannot be built. */
function programs(session: Session): { name: string; start: () => Promise<Peer> }[] {
  return [
    { name: 'Gubernator', start: startGubernator },
    { name: 'envoyproxy/ratelimit', start: () => startEnvoyRatelimit(session) },
  ];
}

interface Turns {
  readonly side: Side;
  readonly rounds: Round[];
}

async function measureInTurns(
  session: Session,
  peers: readonly Peer[],
  customers: readonly string[],
  title: string,
  { rounds, seconds, progress }: Extents,
): Promise<ReadonlyMap<Peer, Turns>> {
  const drive: Drive = { workload: 'single', connections: CONNECTIONS, customers };
  const turns = new Map<Peer, Turns>(
    peers.map((peer) => {
      const { name, elsewhere, processes } = peer;
      const side =
        elsewhere === null ? session.weirSide(drive, name) : session.sideElsewhere(drive, name, elsewhere, processes);
      return [peer, { side, rounds: [] }];
    }),
  );
  progress(`peers: ${title}: warming up`);
  // Each customer is asked once: caches and keys are there for all of them.
  const extent = { requests: session.target.catalog.customers.length };
  for (const [peer, { side }] of turns) {
    await loadPeer(session, peer, drive, extent);
    await side.settle();
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { side, rounds: done } of turns.values()) {
      const found = await runRound(side, seconds);
      done.push(found);
      const rate = Math.round(found.measured.decisions / found.measured.seconds);
      progress(`peers: ${title}: round ${round} of ${rounds}: ${side.name} ${rate} decisions/s`);
    }
  }
  return turns;
}

function measureOf(turns: ReadonlyMap<Peer, Turns>, peer: Peer): PeerMeasure {
  const measured = turns.get(peer);
  if (measured === undefined) throw new Error(`${peer.name} was not measured`);
  const { side, rounds } = measured;
  const report = sideReport(side, rounds);
  const own = Object.entries(report.cpuSecondsPerMillion).filter(([name]) => name !== side.generator);
  return {
    decisionsPerSecond: report.decisionsPerSecond,
    p99Ms: report.p99Ms,
    // A microsecond each is a second per million.
    cpuSecondsPerMillion: report.ownCpuMicrosPerDecision,
    cpuSecondsPerMillionByProcess: Object.fromEntries(own),
    redisCallsPerDecision: peer.redisCalls === null ? null : callsPerDecision(rounds, peer.redisCalls),
  };
}

function callsPerDecision(rounds: readonly Round[], by: 'functions' | 'commands'): number {
  const sum = (of: (round: Round) => number): number => rounds.reduce((total, round) => total + of(round), 0);
  const calls = sum(({ redis }) => (by === 'functions' ? redis.functionCalls : redis.commandCalls));
  return calls / sum(({ measured }) => measured.decisions);
}
