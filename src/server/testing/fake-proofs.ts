/** A fake of the proof source: what the commit log says is set by hand, and so is the time. */
import { NO_LETTERS, type OpenLetters } from '../../contract/dead-letters.js';
import { NO_DIVERGENCES, type Divergences } from '../../contract/divergences.js';
import type { PendingChange } from '../../contract/assess.js';
import type { PipelineFact, Proof, ProofSource } from '../../contract/proof-port.js';
import { keyOf, type ResultKey } from '../../position/commit-log.js';
import { NOTHING_EXPIRED, type Expiry } from '../../position/expiry.js';
import { position, type Micros } from '../../position/position.js';
import type { ConfidenceLevel, ProcessingEngine } from '../../words.js';
import { committedAt, START_US } from './fake-store.js';

export class FakeProofs implements ProofSource {
  at = 100;
  floor = 1;
  incarnation = 'inc-1';
  failure: Error | null = null;
  gate: Promise<void> = Promise.resolve();
  proved = 0;
  pipelines: PipelineFact[] = [fact()];
  expiry: Expiry = NOTHING_EXPIRED;
  letters: OpenLetters = NO_LETTERS;
  divergences: Divergences = NO_DIVERGENCES;
  /** Postgres' time now, in seconds after the start of 2026; null: unknown. */
  seconds: number | null = 101;
  /** Called by each `prove`, before it answers. */
  onProve: () => void = () => undefined;
  private readonly changes = new Map<string, PendingChange>();
  private newest: PendingChange | null = null;

  /** The key was changed at position `p`; the change allows at most `cap`. */
  change(key: ResultKey, p: number, cap: ConfidenceLevel = 'HIGH', reasons: readonly string[] = []): void {
    const pending = { position: position(p), cap, reasons };
    this.changes.set(keyOf(key), pending);
    this.newest = pending;
  }

  async prove(): Promise<Proof> {
    this.proved++;
    this.onProve();
    await this.gate;
    if (this.failure !== null) throw this.failure;
    const { pipelines, expiry, letters, divergences } = this;
    return {
      position: position(this.at),
      committedAt: committedAt(this.at),
      incarnation: this.incarnation,
      floor: position(this.floor),
      pending: (key) => this.changes.get(keyOf(key)) ?? null,
      pendingOfKind: () => this.newest,
      changesAfter: (applied) => Math.max(0, this.at - Number(applied)),
      pipeline: (name, partition) =>
        pipelines.find((own) => own.pipeline === name && own.resultPartition === partition) ?? null,
      pipelines,
      expiry,
      letters,
      divergences,
    };
  }

  now(): Micros | null {
    return this.seconds === null ? null : ((START_US + this.seconds * 1_000_000) as Micros);
  }
}

/** A pipeline that has just given a sign of life. */
export function fact(over: Partial<PipelineFact> = {}, engine: ProcessingEngine = 'KAFKA_ONLY'): PipelineFact {
  return {
    pipeline: engine === 'FLINK' ? 'orders-flink' : 'orders-kafka-only',
    engine,
    resultTopic: 'results',
    resultPartition: 0,
    run: 'run-1',
    state: 'RUNNING',
    lastHeartbeatAt: committedAt(100),
    lastCheckpointTime: engine === 'FLINK' ? '2026-01-01T00:01:39.000Z' : null,
    sourceAsOf: '2026-01-01T00:01:38.000Z',
    sources: { '0': '3' },
    owners: {},
    gapRuns: [],
    resumed: false,
    lossOffset: null,
    checkpoints:
      engine === 'FLINK'
        ? { run: 'run-1', lineage: [], completed: 40, progress: {}, provenAt: committedAt(100), intervalMs: 1_000 }
        : null,
    watermark: null,
    position: position(100),
    ...over,
  };
}
