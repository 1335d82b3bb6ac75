/**
 * What of the source an engine with checkpoints has counted, with its results accepted: for `awaitIngested`. Its heartbeats
 * don't say so, as those of the engine without checkpoints do. Three looks, each after the one before:
 *
 * 1. What KafkaSource has committed of its group, which it does when a checkpoint has completed: everything below went
 *    through the fold before that checkpoint's barrier, and what came of it at once was written before it completed.
 * 2. A window that has emitted within this second emits at the end of it: so long later, how far the result topic is
 *    written, committed or not.
 * 3. Ingest has taken in every result partition up to there.
 *
 * What was accepted once stays so: a rollback takes nothing back.
 */
export interface AcceptanceReads {
  /** Source partition → next offset that a completed checkpoint covers; null: none. */
  readonly committed: () => Promise<ReadonlyMap<number, bigint | null>>;
  /** Result partition → end of what is written, whether committed or not. */
  readonly written: () => Promise<ReadonlyMap<number, bigint>>;
  /** Result partition → next offset that ingest takes. */
  readonly taken: () => Promise<ReadonlyMap<number, bigint>>;
  readonly monotonicMs: () => number;
}

interface Candidate {
  readonly covered: ReadonlyMap<number, bigint | null>;
  /** When that was known. */
  readonly sinceMs: number;
  readonly written: ReadonlyMap<number, bigint> | null;
}

/** A window emits at most once in so long (EMIT_INTERVAL_MS of the job). */
const EMISSION_MS = 1_000;
/** On their way at a time; in a job that stands still they would pile up. */
const MOST = 20;
/** Nobody has asked for so long: nobody looks. */
const WANTED_MS = 10_000;

export class AcceptedSources {
  private readonly next = new Map<number, bigint>();
  private candidates: readonly Candidate[] = [];
  private wantedMs = -Infinity;

  constructor(private readonly reads: AcceptanceReads) {}

  /** Source partition → next offset; all below is accepted. To be asked *before* a proof that is to show it. Never older than the last answer. */
  sources(): ReadonlyMap<number, bigint> {
    this.wantedMs = this.reads.monotonicMs();
    return this.next;
  }

  /** One look at each. To be repeated; without anybody who asks nothing is done. */
  async round(): Promise<void> {
    const { reads } = this;
    if (reads.monotonicMs() - this.wantedMs > WANTED_MS) {
      this.candidates = [];
      return;
    }
    if (this.candidates.some(({ written }) => written !== null)) this.settle(await reads.taken());
    if (this.candidates.some((one) => one.written === null && this.isQuiet(one))) {
      // Asked after each of these was quiet: it holds for all of them.
      const quiet = this.candidates.filter((one) => one.written === null && this.isQuiet(one));
      const written = await reads.written();
      this.candidates = this.candidates.map((one) => (quiet.includes(one) ? { ...one, written } : one));
    }
    const covered = await reads.committed();
    const candidate = { covered, sinceMs: reads.monotonicMs(), written: null };
    if (this.candidates.length < MOST) this.candidates = [...this.candidates, candidate];
  }

  private isQuiet({ sinceMs }: Candidate): boolean {
    return this.reads.monotonicMs() - sinceMs >= EMISSION_MS;
  }

  private settle(taken: ReadonlyMap<number, bigint>): void {
    const done = this.candidates.filter(
      ({ written }) => written !== null && [...written].every(([p, end]) => (taken.get(p) ?? 0n) >= end),
    );
    for (const { covered } of done) {
      for (const [p, offset] of covered)
        if (offset !== null && offset > (this.next.get(p) ?? 0n)) this.next.set(p, offset);
    }
    this.candidates = this.candidates.filter((one) => !done.includes(one));
  }
}
