import type { IncomingHttpHeaders } from 'node:http';
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import type { FinishedSpan, SpanAttributes, Trace } from '../contracts/tracing.js';

/** The span of a request, from its first byte to the last of its answer. */
export interface RequestTrace extends Trace {
  readonly traceId: string;
  /** @param status 500 and above are errors */
  end(name: string, status: number, attributes: SpanAttributes): void;
}

export interface Tracing {
  /** Begins the span of a request; where its headers name a span, below that one and sampled as that one was. */
  begin(headers: IncomingHttpHeaders): RequestTrace;
  /** Sends what was not sent yet. */
  close(): Promise<void>;
}

export interface TracingOptions {
  /** Of a collector that speaks OTLP over HTTP, as `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string;
  /** Of the requests that come without a trace: the share that is traced. */
  readonly sampleShare: number;
  readonly version: string;
  /** A collector that does not answer loses spans, never a request. */
  readonly onFailed: (error: unknown) => void;
}

const EXPORT_TIMEOUT_MS = 5000;
const headerReader = {
  keys: (headers: IncomingHttpHeaders) => Object.keys(headers),
  get: (headers: IncomingHttpHeaders, name: string) => headers[name],
};
const headerWriter = {
  set: (headers: Record<string, string>, name: string, value: string) => {
    headers[name] = value;
  },
};

/** Traces by OpenTelemetry's SDK. */
export function createTracing({ endpoint, sampleShare, version, onFailed }: TracingOptions): Tracing {
  const exporter = new OTLPTraceExporter({ url: endpoint, timeoutMillis: EXPORT_TIMEOUT_MS });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'switchyard', 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleShare) }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('switchyard', version);
  const propagator = new W3CTraceContextPropagator();
  setGlobalErrorHandler(onFailed);

  function below(span: Span, parent: Context): Trace {
    const context = trace.setSpan(parent, span);
    const headers: Record<string, string> = {};
    propagator.inject(context, headers, headerWriter);
    return {
      traceparent: headers.traceparent!,
      add(name, { startMs, endMs, attributes, error }: FinishedSpan) {
        const child = tracer.startSpan(name, { startTime: startMs, attributes: toMutable(attributes) }, context);
        if (error !== null) fail(child, error);
        child.end(endMs);
        return below(child, context);
      },
    };
  }

  return {
    begin(headers) {
      const parent = propagator.extract(ROOT_CONTEXT, headers, headerReader);
      const span = tracer.startSpan('request', { kind: SpanKind.SERVER }, parent);
      const own = below(span, parent);
      return {
        traceId: span.spanContext().traceId,
        traceparent: own.traceparent,
        add: own.add,
        end(name, status, attributes) {
          span.updateName(name);
          span.setAttributes(toMutable(attributes));
          if (status >= 500) fail(span, String(status));
          span.end();
        },
      };
    },
    close: () => provider.shutdown().catch(onFailed),
  };
}

function fail(span: Span, error: string): void {
  span.setAttribute('error.type', error);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function toMutable(attributes: SpanAttributes): Record<string, string | number | boolean | string[]> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, typeof value === 'object' ? [...value] : value]),
  );
}
