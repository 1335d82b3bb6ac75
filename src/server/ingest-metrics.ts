import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

interface Committed {
  readonly tick: { readonly position: bigint; readonly committedAt: number } | null;
  readonly rows: number;
  readonly deadLetters: number;
  readonly refusals: number;
  readonly events: readonly { readonly type: string; readonly reasons: readonly string[] }[];
}

interface Timing {
  readonly tookMs: number;
  readonly appendedAtMs: number;
}

export interface IngestMetrics {
  readonly committed: (
    place: { readonly topic: string },
    committed: Committed,
    records: number,
    timing: Timing,
  ) => void;
}

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function ingestMetrics(registry: Registry): IngestMetrics {
  const registers = [registry];
  const labelNames = ['topic'] as const;
  const records = new Counter({
    name: 'tidemark_ingest_records_total',
    help: 'Records of result topics taken in.',
    labelNames,
    registers,
  });
  const rows = new Counter({
    name: 'tidemark_ingest_rows_total',
    help: 'Rows written to Postgres.',
    labelNames,
    registers,
  });
  const letters = new Counter({
    name: 'tidemark_dead_letters_total',
    help: 'Undecodable records noted.',
    labelNames,
    registers,
  });
  const refusals = new Counter({ name: 'tidemark_refusals_total', help: 'Results refused.', labelNames, registers });
  const at = new Gauge({
    name: 'tidemark_ingest_position',
    help: 'The newest position this server committed.',
    registers,
  });
  const events = new Counter({
    name: 'tidemark_staleness_events_total',
    help: 'Events of results and runs that this server wrote, by type (stalenessEvents).',
    labelNames: ['type'] as const,
    registers,
  });
  const violations = new Counter({
    name: 'tidemark_violations_total',
    help: 'Results that a violation was newly held against, by its reason.',
    labelNames: ['reason'] as const,
    registers,
  });
  const took = new Histogram({
    name: 'tidemark_ingest_commit_duration_seconds',
    help: 'Of one ingest transaction, from its first statement to the end of its commit.',
    labelNames,
    buckets: BUCKETS,
    registers,
  });
  const late = new Histogram({
    name: 'tidemark_ingest_latency_seconds',
    help: "From the append of a batch's last record to its commit: by the broker's clock and by Postgres', so only for display.",
    labelNames,
    buckets: BUCKETS,
    registers,
  });
  const told = (all: Committed['events']): void => {
    for (const { type, reasons } of all) {
      events.inc({ type });
      if (type === 'VIOLATION') for (const reason of reasons) violations.inc({ reason });
    }
  };
  return {
    committed: ({ topic }, committed, taken, { tookMs, appendedAtMs }) => {
      records.inc({ topic }, taken);
      rows.inc({ topic }, committed.rows);
      letters.inc({ topic }, committed.deadLetters);
      refusals.inc({ topic }, committed.refusals);
      told(committed.events);
      if (committed.tick === null) return;
      at.set(Number(committed.tick.position));
      took.observe({ topic }, tookMs / 1000);
      late.observe({ topic }, Math.max(0, committed.tick.committedAt / 1000 - appendedAtMs) / 1000);
    },
  };
}
