import { FAIL_POINTS, type FailPoint } from '../../engine/platform/fail-point.js';
import { Dice } from '../fuzz/dice.js';
import type { Disturbance } from '../harness/tcp-proxy.js';

/** Processes that can be killed, stopped and restarted; ClickHouse is embedded in `control`, with the sink. */
export const PROCESSES = ['gateway-0', 'gateway-1', 'relay', 'control', 'redis', 'nats'] as const;
export type ProcessName = (typeof PROCESSES)[number];
export const LINKS = ['redis', 'nats'] as const;
export type LinkName = (typeof LINKS)[number];
const DISTURBANCES: readonly Disturbance[] = ['cut', 'silent', 'reset'];

/** What goes wrong: `what` it is done to, and how long it lasts. */
export type Fault = { readonly holdMs: number } & (
  | { readonly kind: 'kill' | 'stop' | 'restart'; readonly what: ProcessName }
  | { readonly kind: 'connection'; readonly what: LinkName; readonly disturbance: Disturbance }
  /** Of both gateways, while Redis is stopped: only then they write. */
  | { readonly kind: 'full disk'; readonly what: 'gateways' }
  | { readonly kind: 'fail point'; readonly what: FailPoint }
);

/** Faults that begin together, and the pause before them. */
export interface Round {
  readonly pauseMs: number;
  readonly faults: readonly Fault[];
}

const HOLD_MS_MIN = 100;
const HOLD_MS_MAX = 2_500;
const PAUSE_MS_MAX = 1_000;
/** In one round, begun together. */
const FAULTS_AT_ONCE_MAX = 3;

type Kind = Fault extends infer Each ? (Each extends Fault ? Omit<Each, 'holdMs'> : never) : never;

/** Every kind of fault at everything it can be done to. */
const KINDS: readonly Kind[] = [
  ...PROCESSES.flatMap((what) => (['kill', 'stop', 'restart'] as const).map((kind): Kind => ({ kind, what }))),
  ...LINKS.flatMap((what) => DISTURBANCES.map((disturbance): Kind => ({ kind: 'connection', what, disturbance }))),
  { kind: 'full disk', what: 'gateways' },
  ...FAIL_POINTS.map((what): Kind => ({ kind: 'fail point', what })),
];

/**
 * The rounds of a seed, without end. Kinds are drawn as from a bag that is filled again when it is empty: so each comes
 * once in as many faults as there are kinds.
 * @param only of the kinds, those whose description has this text. @throws Error where none has.
 */
export function* schedule(seed: number, only = ''): Generator<Round, never> {
  const kinds = KINDS.filter((kind) => describeFault({ ...kind, holdMs: 0 }).includes(only));
  if (kinds.length === 0) throw new Error(`no fault is called "${only}"`);
  const dice = new Dice(seed);
  let bag: Kind[] = [];
  const draw = (busy: readonly Fault[]): Fault | undefined => {
    if (bag.length === 0) bag = [...kinds];
    const free = bag.filter((kind) => busy.every((fault) => !touchTheSame(fault, kind)));
    if (free.length === 0) return undefined;
    const kind = dice.pick(free);
    bag.splice(bag.indexOf(kind), 1);
    return { ...kind, holdMs: HOLD_MS_MIN + dice.below(HOLD_MS_MAX - HOLD_MS_MIN) };
  };
  for (;;) {
    const pauseMs = dice.below(PAUSE_MS_MAX);
    const count = 1 + dice.below(FAULTS_AT_ONCE_MAX);
    const faults: Fault[] = [];
    for (let index = 0; index < count; index++) {
      const fault = draw(faults);
      if (fault !== undefined) faults.push(fault);
    }
    yield { pauseMs, faults };
  }
}

/** How many kinds there are: after as many faults each has come once. */
export const KINDS_COUNT = KINDS.length;

/** Two faults at once never have a process in common, or the repair of one would be the other's. */
function touchTheSame(one: Kind, other: Kind): boolean {
  const touched = processesOf(other);
  return processesOf(one).some((name) => touched.includes(name));
}

function processesOf(kind: Kind): readonly string[] {
  switch (kind.kind) {
    case 'full disk':
      return ['gateway-0', 'gateway-1', 'redis'];
    case 'fail point':
      // Nobody comes by where the way to it is closed.
      return ['relay', 'control', 'redis', 'nats'];
    default:
      return [kind.what];
  }
}

/** For a line of progress. */
export function describeFault(fault: Fault): string {
  const held = `${(fault.holdMs / 1_000).toFixed(1)} s`;
  switch (fault.kind) {
    case 'kill':
      return `${fault.what} killed`;
    case 'stop':
      return `${fault.what} stopped for ${held}`;
    case 'restart':
      return `${fault.what} restarted`;
    case 'connection':
      return fault.disturbance === 'reset'
        ? `connections to ${fault.what} reset`
        : `connections to ${fault.what} ${fault.disturbance} for ${held}`;
    case 'full disk':
      return `disk full for ${held}, with redis stopped`;
    case 'fail point':
      return `death at "${fault.what}"`;
  }
}
