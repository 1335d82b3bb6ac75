import { Gauge, type Registry } from 'prom-client';
import type { LivenessWatch } from './liveness.js';

/** Read when they are asked for; what is not known has no sample. */
export function livenessMetrics(registry: Registry, watch: Omit<LivenessWatch, 'stop'>): void {
  const registers = [registry];
  new Gauge({
    name: 'tidemark_liveness',
    help: '1 for the state in which each part of the path is (the query liveness); no claim rests on it.',
    labelNames: ['subject', 'state'] as const,
    registers,
    collect() {
      this.reset();
      for (const { subject, state } of watch.all()) this.set({ subject, state }, 1);
    },
  });
  new Gauge({
    name: 'tidemark_server_clock_offset_seconds',
    help: "This server's wall clock minus Postgres', of the last exchange, exact to that exchange's duration.",
    registers,
    collect() {
      this.reset();
      const offset = watch.offset();
      if (offset !== null) this.set((offset.leastMs + offset.mostMs) / 2_000);
    },
  });
  new Gauge({
    name: 'tidemark_slot_retained_bytes',
    help: "Bytes of Postgres' log that the connector's slot keeps from being removed.",
    registers,
    collect() {
      this.reset();
      const bytes = watch.retainedBytes();
      if (bytes !== null) this.set(bytes);
    },
  });
}
