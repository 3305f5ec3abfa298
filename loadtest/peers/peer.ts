import type { WatchedProcess } from '../scenarios/cpu.js';
import type { Elsewhere } from '../scenarios/session.js';

/** A limiter that can be asked. */
export interface Peer {
  /** With its version. */
  readonly name: string;
  /** How it is asked and set, in a sentence. */
  readonly how: string;
  /** null: the stack itself. */
  readonly elsewhere: Elsewhere | null;
  /** All that work for it. */
  readonly processes: readonly WatchedProcess[];
  /**
   * What it asks Redis by: scripts and functions, each one call whatever it calls inside, or plain commands; null: it
   * keeps its state elsewhere.
   */
  readonly redisCalls: 'functions' | 'commands' | null;
  stop(): Promise<void>;
}
