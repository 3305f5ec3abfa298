import type { Attributes, Span, SpanContext } from '@opentelemetry/api';

/** What a span begins with. */
export interface SpanStart {
  readonly kind: 'server' | 'client' | 'producer' | 'consumer' | 'internal';
  /** The span that it is a part of; left out, `traceparent` says, and else it is the first of its trace. */
  readonly parent?: Span | undefined;
  /** As it came over the wire (W3C Trace Context); what is not valid counts as absent. */
  readonly traceparent?: string | undefined;
  /** What it has to do with beside its parent: a call carries operations of several requests. */
  readonly links?: readonly SpanContext[];
  readonly attributes?: Attributes;
}

/** How a process traces. It is undefined wherever tracing is off: then OpenTelemetry's SDK is not even loaded. */
export interface Tracing {
  start(name: string, start: SpanStart): Span;
  /** Ends a span as failed. @param code of the registry of errors, or a status: never a message, which may name customers. */
  fail(span: Span, code: string): void;
  /** The header that carries a span over the wire; undefined where it is not sampled. */
  traceparent(span: Span): string | undefined;
  /** The span that such a header names, for a link. */
  contextOf(traceparent: string): SpanContext | undefined;
  /** Sends what was not sent yet. */
  close(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** True when the environment asks for traces, by the names that every OpenTelemetry SDK has. */
export function isTraced(env: Environment): boolean {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT || '';
  return endpoint !== '' && env.OTEL_SDK_DISABLED?.toLowerCase() !== 'true' && env.OTEL_TRACES_EXPORTER !== 'none';
}

/**
 * Starts tracing when the environment asks for it. The SDK reads the rest of its settings from the environment itself:
 * sampler, headers, resource, batches.
 * @param processName such as `gateway-0`: the instance's id.
 */
export async function startTracing(env: Environment, processName: string): Promise<Tracing | undefined> {
  if (!isTraced(env)) return undefined;
  const { openTracing } = await import('./tracing-sdk.js');
  return openTracing(processName);
}
