import { type Child, startChild } from '../harness/child.js';
import { buildGoProgram, type GoProgram } from '../harness/go.js';
import { freePorts } from '../harness/ports.js';
import { waitFor } from '../harness/wait-for.js';
import type { Peer } from './peer.js';

const START_MS_MAX = 30_000;
/** Where it lives now, and where it lived before: not every proxy holds both with their sums. */
const PROGRAMS: readonly GoProgram[] = [
  programOf('github.com/gubernator-io/gubernator/v2', 'v2.13.0'),
  programOf('github.com/mailgun/gubernator/v2', 'v2.4.0'),
];

/** Its own main finds peers by gossip on every address of the machine; this one is alone, and on loopback. */
function programOf(module: string, version: string): GoProgram {
  const source = `package main

import (
	"context"
	"log"
	"os"

	"${module}"
)

func main() {
	grpc, http := os.Args[1], os.Args[2]
	daemon, err := gubernator.SpawnDaemon(context.Background(), gubernator.DaemonConfig{
		GRPCListenAddress: grpc,
		HTTPListenAddress: http,
		AdvertiseAddress:  grpc,
	})
	if err != nil {
		log.Fatal(err)
	}
	daemon.SetPeers([]gubernator.PeerInfo{{GRPCAddress: grpc, HTTPAddress: http, IsOwner: true}})
	select {}
}
`;
  return { module, version, main: { source } };
}

/** Gubernator alone, without peers of its own, on loopback. @throws Error with the reason where it does not build or start. */
export async function startGubernator(): Promise<Peer> {
  const { path, version } = await build();
  const [grpcPort = 0, httpPort = 0] = await freePorts(2);
  const grpc = `127.0.0.1:${grpcPort}`;
  const http = `127.0.0.1:${httpPort}`;
  const child = await startChild(path, [grpc, http], { env: {} });
  await started(child, `http://${http}/v1/HealthCheck`);
  return {
    name: `Gubernator ${version}`,
    how: 'one node, by its HTTP gateway; a leaky bucket and a token bucket of 31 days in one request, each decided on its own, in its own memory: no Redis, nothing survives it',
    elsewhere: { baseUrl: `http://${http}`, dialect: 'gubernator' },
    processes: [{ name: 'gubernator', pid: () => child.pid }],
    redisCalls: null,
    stop: async () => void (await child.stop()),
  };
}

async function build(): Promise<{ path: string; version: string }> {
  const reasons: string[] = [];
  for (const program of PROGRAMS) {
    try {
      return { path: await buildGoProgram(program), version: program.version };
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error([...new Set(reasons)].join('; '));
}

/** Resolves when the program answers at this address. @throws Error with its output when it ended or never does. */
export async function started(child: Child, url: string): Promise<void> {
  try {
    await waitFor(async () => child.status() !== undefined || (await fetch(url)).ok, {
      timeoutMs: START_MS_MAX,
      what: `an answer of ${url}`,
    });
    if (child.status() !== undefined) throw new Error(`it ended with ${child.status()}`);
  } catch (error) {
    await child.stop();
    throw new Error(`it did not start: ${String(error)}; ${child.output().trim().split('\n').at(-1)}`);
  }
}
