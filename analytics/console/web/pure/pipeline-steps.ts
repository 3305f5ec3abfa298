import type { Overview } from '../api/overview.js';
import { counted, formatAmount, formatBytes, formatLag, formatMeasure } from './format.js';
import type { Tone } from './words.js';

/** A step of the way of a fact: how it does, in a number and a sentence. */
export interface PipelineStep {
  readonly name: string;
  readonly tone: Tone;
  readonly value: string;
  readonly note: string;
}

/** Facts take a second or two; past these something is wrong, or overwhelmed. */
const LAG_WARN_SECONDS = 5;
const LAG_BAD_SECONDS = 60;

const UNKNOWN = { tone: 'quiet', value: 'unknown', note: 'cannot be asked now' } as const;

const toneOfLag = (seconds: number): Tone =>
  seconds >= LAG_BAD_SECONDS ? 'bad' : seconds >= LAG_WARN_SECONDS ? 'warn' : 'good';

/** Gateways → outbox → relay → JetStream → sink → ClickHouse. */
export function pipelineSteps(data: Overview): PipelineStep[] {
  return [gateways(data), outbox(data), relay(data), stream(data), sink(data), ledger(data)];
}

function gateways({ gateways, version }: Overview): PipelineStep {
  const name = 'Gateways';
  if (gateways === null) return { name, ...UNKNOWN };
  if (gateways.length === 0) return { name, tone: 'bad', value: 'none', note: 'no gateway tells of itself' };
  const behind = gateways.filter((gateway) => gateway.version < version).length;
  const depth = gateways.reduce((sum, gateway) => sum + gateway.depth, 0);
  return {
    name,
    tone: behind > 0 ? 'warn' : 'good',
    value: formatAmount(String(gateways.length)),
    note: behind > 0 ? `${behind} at an older catalog` : `${counted(depth, 'operation')} in flight`,
  };
}

function outbox({ outbox }: Overview): PipelineStep {
  const name = 'Outbox';
  if (outbox === null) return { name, ...UNKNOWN };
  const note =
    outbox.entries === 0
      ? 'nothing waits'
      : `${counted(outbox.entries, 'entry', 'entries')}, ${formatBytes(outbox.bytes)}`;
  return { name, tone: toneOfLag(outbox.lagSeconds), value: formatLag(outbox.lagSeconds), note };
}

function relay({ relay }: Overview): PipelineStep {
  const name = 'Relay';
  if (relay.entries === null) return { name, tone: 'bad', value: 'silent', note: 'no relay answers' };
  const note = relay.failures === null || relay.failures === 0 ? 'no restarts' : counted(relay.failures, 'restart');
  return { name, tone: 'good', value: 'works', note };
}

function stream({ stream }: Overview): PipelineStep {
  const name = 'JetStream';
  if (stream === null) return { name, ...UNKNOWN };
  return {
    name,
    tone: stream.deadLetters > 0 ? 'warn' : 'good',
    value: `${formatMeasure(stream.behind)} behind`,
    note: stream.deadLetters > 0 ? counted(stream.deadLetters, 'dead letter') : `${formatBytes(stream.bytes)} kept`,
  };
}

function sink({ sink }: Overview): PipelineStep {
  const name = 'Sink';
  if (sink.lagSeconds === null) return { name, tone: 'bad', value: 'silent', note: 'no sink answers' };
  const failures = sink.failures ?? 0;
  return {
    name,
    tone: toneOfLag(sink.lagSeconds),
    value: formatLag(sink.lagSeconds),
    note: failures === 0 ? 'charge to report' : `${counted(failures, 'insert')} tried again`,
  };
}

function ledger({ ledger, atMs }: Overview): PipelineStep {
  const name = 'ClickHouse';
  if (ledger === null) return { name, ...UNKNOWN };
  return {
    name,
    tone: 'good',
    value: `${formatMeasure(ledger.facts)} facts`,
    note:
      ledger.newestMs === null ? 'none yet' : `newest ${formatLag(Math.max(0, (atMs - ledger.newestMs) / 1_000))} ago`,
  };
}
