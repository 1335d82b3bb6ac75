import { Counter, Gauge, type Registry } from 'prom-client';

interface Committed {
  readonly tick: { readonly position: bigint } | null;
  readonly rows: number;
  readonly deadLetters: number;
  readonly refusals: number;
}

export interface IngestMetrics {
  readonly committed: (place: { readonly topic: string }, committed: Committed, records: number) => void;
}

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
  return {
    committed: ({ topic }, committed, taken) => {
      records.inc({ topic }, taken);
      rows.inc({ topic }, committed.rows);
      letters.inc({ topic }, committed.deadLetters);
      refusals.inc({ topic }, committed.refusals);
      if (committed.tick !== null) at.set(Number(committed.tick.position));
    },
  };
}
