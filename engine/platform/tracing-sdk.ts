import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { SpanStart, Tracing } from './tracing.js';

const KINDS: Readonly<Record<SpanStart['kind'], SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

/**
 * Traces by OpenTelemetry's SDK, sent as OTLP over HTTP in batches. Loaded only where tracing is on. Parents are handed
 * from call to call: a context that follows every promise by itself would cost each of them.
 */
export function openTracing(processName: string): Tracing {
  const ours = resourceFromAttributes({ 'service.name': 'weir', 'service.instance.id': processName });
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(ours)
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer('weir');
  const propagator = new W3CTraceContextPropagator();

  const contextFrom = (traceparent: string): Context =>
    propagator.extract(ROOT_CONTEXT, { traceparent }, defaultTextMapGetter);
  const parentOf = ({ parent, traceparent }: SpanStart): Context => {
    if (parent !== undefined) return trace.setSpan(ROOT_CONTEXT, parent);
    return traceparent === undefined || traceparent === '' ? ROOT_CONTEXT : contextFrom(traceparent);
  };

  return {
    start(name, start): Span {
      const { kind, links = [], attributes = {} } = start;
      const options = { kind: KINDS[kind], attributes, links: links.map((context) => ({ context })) };
      return tracer.startSpan(name, options, parentOf(start));
    },
    fail(span, code) {
      span.setAttribute('error.type', code);
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
    traceparent(span) {
      if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
      const carrier: { traceparent?: string } = {};
      propagator.inject(trace.setSpan(ROOT_CONTEXT, span), carrier, defaultTextMapSetter);
      return carrier.traceparent;
    },
    contextOf(traceparent): SpanContext | undefined {
      const context = trace.getSpanContext(contextFrom(traceparent));
      return context !== undefined && isSpanContextValid(context) ? context : undefined;
    },
    close: () => provider.shutdown(),
  };
}
