/** Where spans go: OpenTelemetry's own SDK, started only if traces are asked for. */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import { createTraces, type Traces } from './traces.js';

export interface TraceExport {
  readonly traces: Traces;
  /** Sends what is left. */
  stop(): Promise<void>;
}

/** @param url of a collector, OTLP over HTTP @param ratio of the traces that begin here, 0 to 1 */
export function startTraces(url: string, ratio: number, version: string): TraceExport {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'tidemark', 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  provider.register();
  return { traces: createTraces(provider.getTracer('tidemark', version)), stop: () => provider.shutdown() };
}
