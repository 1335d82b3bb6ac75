/**
 * Traces from the record of a topic to the response that shows it. A record is taken in with others, and read models apply several commits at
 * once, so these are links, not one tree: records → batch (traceparent in their headers), commit → projection, commit → response (by the
 * position, as far as this server has seen both). No payload, key or query is in a span.
 */
import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { LogHandler, LogRecord } from '../log/port.js';
import type { ReadModel } from '../stores/port.js';

/** Commits that are remembered, to be linked to. */
const COMMITS = 10_000;
/** Links of one span at most. */
const LINKS = 128;

export interface Traces {
  /** Its batches become spans. */
  ingest(handler: LogHandler): LogHandler;
  /** Called while a batch is taken in, once it is committed. */
  committed(position: bigint, rows: number): void;
  /** What it applies becomes spans. */
  projection(model: ReadModel): ReadModel;
  /** @param headers of the request: its own trace goes on @param shown the positions that the answer shows, asked at its end */
  request<R>(headers: Headers, shown: () => Iterable<bigint>, answer: () => Promise<R>): Promise<R>;
}
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const READ = {
  keys: (carrier: Headers): string[] => Object.keys(carrier),
  get: (carrier: Headers, key: string): string | undefined => {
    const value = carrier[key];
    return typeof value === 'string' ? value : value?.[0];
  },
};

/** The span that a W3C traceparent names; null: it names none. */
export function contextOf(traceparent: string): SpanContext | null {
  const found = propagation.extract(context.active(), { traceparent }, READ);
  const own = trace.getSpanContext(found);
  return own !== undefined && trace.isSpanContextValid(own) ? own : null;
}

function linksTo(records: readonly LogRecord[]): Link[] {
  const linked: Link[] = [];
  for (const { traceparent } of records) {
    if (traceparent === undefined || linked.length >= LINKS) continue;
    const from = contextOf(traceparent);
    if (from !== null) linked.push({ context: from });
  }
  return linked;
}

/** Ends the span with what became of the work. The error's kind and code, not its sentence: that may quote data. */
async function within<R>(span: Span, work: () => Promise<R>, end: () => void = () => undefined): Promise<R> {
  try {
    const result = await work();
    end();
    return result;
  } catch (error) {
    const { name, code } = error as { name?: string; code?: unknown };
    const message = typeof code === 'string' ? code : (name ?? 'unknown');
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    throw error;
  } finally {
    span.end();
  }
}

export function createTraces(tracer: Tracer): Traces {
  /** Position → the span that committed it, the oldest first. */
  const commits = new Map<bigint, SpanContext>();
  const remember = (position: bigint, span: Span): void => {
    commits.set(position, span.spanContext());
    const [oldest] = commits.keys();
    if (commits.size > COMMITS && oldest !== undefined) commits.delete(oldest);
  };
  const linksOf = (positions: Iterable<bigint>): Link[] =>
    [...new Set(positions)].flatMap((position) => {
      const from = commits.get(position);
      return from === undefined ? [] : [{ context: from, attributes: { 'tidemark.position': String(position) } }];
    });

  return {
    ingest: (handler) => ({
      ...handler,
      handle: ({ topic, partition, records, ...batch }) => {
        const attributes = {
          'messaging.system': 'kafka',
          'messaging.operation.type': 'process',
          'messaging.destination.name': topic,
          'messaging.destination.partition.id': String(partition),
          'messaging.batch.message_count': records.length,
          'messaging.kafka.offset': Number(records[0]?.offset ?? 0n),
        };
        const options = { kind: SpanKind.CONSUMER, links: linksTo(records), attributes };
        return tracer.startActiveSpan('ingest', options, (span) =>
          within(span, () => handler.handle({ topic, partition, records, ...batch })),
        );
      },
    }),

    committed(position, rows) {
      const span = trace.getActiveSpan();
      if (span === undefined) return;
      span.setAttributes({ 'tidemark.position': String(position), 'tidemark.rows': rows });
      remember(position, span);
    },

    projection: (model) => {
      const apply: ReadModel['apply'] = (changes, applied) => {
        const attributes = {
          'tidemark.store': model.store,
          'tidemark.position': String(applied.position),
          'tidemark.positions': changes.length,
        };
        const links = linksOf(changes.map(({ position }) => position)).slice(-LINKS);
        return tracer.startActiveSpan('project', { kind: SpanKind.CONSUMER, links, attributes }, (span) =>
          within(span, () => model.apply(changes, applied)),
        );
      };
      // All else is the model's own.
      return new Proxy(model, {
        get: (target, name) => {
          if (name === 'apply') return apply;
          const own: unknown = Reflect.get(target, name, target);
          return typeof own === 'function' ? (own.bind(target) as unknown) : own;
        },
      });
    },

    request: (headers, shown, answer) => {
      const parent = propagation.extract(context.active(), headers, READ);
      return tracer.startActiveSpan('graphql', { kind: SpanKind.SERVER }, parent, (span) =>
        within(span, answer, () => {
          const links = linksOf(shown()).slice(-LINKS);
          span.addLinks(links);
          span.setAttribute('tidemark.links', links.length);
        }),
      );
    },
  };
}
