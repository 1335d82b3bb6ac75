/**
 * A projection: the CDC topic → one read model. It resumes where the store says, applies what continues the chain, and
 * makes the store anew when the chain is broken. Every failure ends in `start` being asked again by the consumer after
 * a bounded delay, so there is one way back: read the binding, then go on from there.
 */
import { AppError, asError } from '../errors.js';
import type { LogBatch, LogConsumer, LogExtent, LogRecord } from '../log/port.js';
import type { Applied, Change, ReadModel, Truth, TruthSnapshot } from '../stores/port.js';
import type { After } from '../timers.js';
import { advance, type Progress, type Stop } from './advance.js';
import { openSnapshot, rebuild } from './rebuild.js';
import { errorOf, type ProjectionState, type ProjectionStatus, type RebuildProgress } from './status.js';
import { within } from './within.js';

export interface ProjectionLimits {
  /** One answer of the truth (Postgres), milliseconds. */
  readonly truthMs: number;
  /** Records are decoded and applied in slices of about this many bytes: decoding holds the event loop. */
  readonly sliceBytes: number;
  /** So many rebuilds without a change applied in between, and it blocks: the log itself has a hole. */
  readonly rebuildsInARow: number;
  /** stop() waits so long for what is running, milliseconds. */
  readonly stopMs: number;
}

export const PROJECTION_LIMITS: ProjectionLimits = {
  truthMs: 10_000,
  sliceBytes: 1024 * 1024,
  rebuildsInARow: 3,
  stopMs: 10_000,
};

export interface ProjectionOptions {
  readonly model: ReadModel;
  readonly truth: Truth;
  /** Of the one partition of the CDC topic; the group decides which server owns it. */
  readonly consumer: LogConsumer;
  readonly limits?: ProjectionLimits;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void;
  readonly after?: After;
  /** Called with what can be read in the store from now on. */
  readonly onApplied?: (changes: readonly Change[]) => void;
}

export interface Projection {
  /** Resolves once the consumer has joined its group. */
  start(): Promise<void>;
  /** Lets the running batch finish, then leaves the group. Within `limits.stopMs` and the consumer's own limit. */
  stop(): Promise<void>;
  status(): ProjectionStatus;
}

export const createProjection = (options: ProjectionOptions): Projection => new RunningProjection(options);

/** Rows between two log lines of a rebuild. */
const ROWS_PER_LINE = 50_000;

class RunningProjection implements Projection {
  private readonly limits: ProjectionLimits;
  private state: ProjectionState = 'starting';
  private applied: Applied | null = null;
  private error: AppError | null = null;
  private rebuilding: RebuildProgress | null = null;
  /** null between a failure and the next start. */
  private progress: Progress | null = null;
  /** The chain broke at `at`: unless the store has moved since, it is made anew. */
  private broken: { readonly reason: string; readonly at: Applied } | null = null;
  private readonly ended = new Set<string>();
  private rebuilds = 0;
  /** Grows with every assignment and at the end: what was begun for an older one gives up. */
  private turn = 0;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ProjectionOptions) {
    this.limits = options.limits ?? PROJECTION_LIMITS;
  }

  start(): Promise<void> {
    return this.options.consumer.run({
      start: (_topic, _partition, extent) => this.assigned(extent),
      handle: (batch) => this.exclusively(() => this.handle(batch)),
      onBlocked: (topic, partition, error) =>
        this.options.log('error', `${this.options.model.store} is blocked: ${error.message}`, {
          topic,
          partition,
          error,
        }),
    });
  }

  async stop(): Promise<void> {
    this.turn += 1;
    this.state = 'stopped';
    await this.options.consumer.stop();
    const { after } = this.options;
    await within(
      this.queue,
      this.limits.stopMs,
      'PROJECTION_STOP_TIMEOUT',
      'Ending the running batch',
      undefined,
      after,
    ).catch(() => undefined);
  }

  status(): ProjectionStatus {
    return {
      store: this.options.model.store,
      state: this.state,
      applied: this.applied,
      ...(this.error === null ? {} : { error: errorOf(this.error) }),
      ...(this.rebuilding === null ? {} : { progress: this.rebuilding }),
    };
  }

  /** One at a time: a new assignment may come while a batch of the old one is still being applied. */
  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const guarded = async (): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        throw this.failed(asError(error));
      }
    };
    const result = this.queue.then(guarded, guarded);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private failed(error: Error): Error {
    const known =
      error instanceof AppError
        ? error
        : new AppError('PROJECTION_FAILED', error.message, { retryable: true, outcome: 'unknown', cause: error });
    this.progress = null;
    this.rebuilding = null;
    if (this.state === 'stopped') return known;
    this.error = known;
    this.state = known.retryable ? 'starting' : 'blocked';
    return known;
  }

  private assigned(extent: LogExtent): Promise<bigint> {
    this.turn += 1;
    const turn = this.turn;
    const wanted = (): void => {
      if (turn === this.turn) return;
      throw new AppError('PROJECTION_SUPERSEDED', 'The partition was assigned anew.', {
        retryable: true,
        outcome: 'none',
      });
    };
    return this.exclusively(async () => {
      wanted();
      this.progress = null;
      this.state = 'starting';
      const binding = await this.options.model.binding();
      const reason = binding.status === 'unbound' ? binding.reason : await this.whyRebuild(binding.applied);
      const applied =
        binding.status === 'bound' && reason === null
          ? binding.applied
          : await this.rebuild(reason ?? '', extent, wanted);
      wanted();
      this.progress = { applied, tail: null };
      this.reached(applied);
      // Outside: the topic was pruned or made anew. The chain decides whether what is there goes on from here.
      const { low, high } = extent;
      return applied.resumeOffset >= low && applied.resumeOffset <= high ? applied.resumeOffset : low;
    });
  }

  private reached(applied: Applied): void {
    this.applied = applied;
    this.error = null;
    if (this.state !== 'stopped') this.state = 'running';
  }

  /** null: what is applied belongs to the clock of the truth, as far as can be known now. */
  private async whyRebuild(applied: Applied): Promise<string | null> {
    const { broken } = this;
    if (broken !== null && broken.at.position === applied.position && broken.at.nonce === applied.nonce)
      return broken.reason;
    this.broken = null;
    let clock: TruthSnapshot['clock'];
    try {
      clock = await this.clock();
    } catch (error) {
      // The log goes on without Postgres, and a record of another incarnation will ask again.
      this.options.log('warn', 'Postgres can not be asked for its clock; going on from the log', {
        error: asError(error),
      });
      return null;
    }
    if (clock.incarnation !== applied.incarnation) return `incarnation ${applied.incarnation} is over`;
    if (clock.position < applied.position) {
      throw new AppError(
        'CLOCK_REWOUND',
        `Postgres is at position ${clock.position}, the store at ${applied.position}: restart the server, so that a new incarnation begins.`,
        { retryable: true, outcome: 'none' },
      );
    }
    return null;
  }

  private async clock(): Promise<TruthSnapshot['clock']> {
    const snapshot = await openSnapshot(this.options.truth, this.limits.truthMs, this.options.after);
    snapshot.close().catch(() => undefined);
    return snapshot.clock;
  }

  private async rebuild(reason: string, extent: LogExtent, wanted: () => void): Promise<Applied> {
    const { model, truth, log } = this.options;
    if (this.rebuilds >= this.limits.rebuildsInARow) {
      throw new AppError(
        'REBUILD_LOOP',
        `Made anew ${this.rebuilds} times in a row, and the log never went on: ${reason}`,
        { retryable: false, outcome: 'none' },
      );
    }
    this.state = 'rebuilding';
    log('warn', `${model.store} is made anew: ${reason}`, { reason });
    let line = ROWS_PER_LINE;
    const applied = await rebuild({
      model,
      truth,
      wanted,
      truthMs: this.limits.truthMs,
      resumeOffset: extent.high,
      after: this.options.after,
      progress: (rows, total) => {
        this.rebuilding = { reason, rows, total };
        if (rows < line) return;
        line = rows + ROWS_PER_LINE;
        log('info', `${model.store}: ${rows} of ${total} rows copied`, { rows, total });
      },
    });
    log('info', `${model.store} was made anew at position ${applied.position}`, { ...this.rebuilding });
    this.rebuilds += 1;
    this.broken = null;
    this.rebuilding = null;
    return applied;
  }

  private async handle(batch: LogBatch): Promise<void> {
    for (const records of slices(batch.records, this.limits.sliceBytes)) await this.take(records);
  }

  private async take(records: readonly LogRecord[]): Promise<void> {
    if (this.progress === null) {
      throw new AppError('PROJECTION_NOT_STARTED', 'The partition was given up.', { retryable: true, outcome: 'none' });
    }
    const { changes, progress, stop } = advance(this.progress, records, this.ended);
    if (changes.length > 0) {
      await this.apply(changes, progress.applied);
      this.rebuilds = 0;
      this.reached(progress.applied);
      this.options.onApplied?.(changes);
    }
    this.progress = progress;
    if (stop === null) return;
    await this.resolve(stop, progress.applied);
    // An ended incarnation: the rest of the slice, in which what was taken counts as applied.
    await this.take(records);
  }

  /** Returns if the log can go on after all. */
  private async resolve(stop: Stop, applied: Applied): Promise<void> {
    if (stop.kind === 'invalid') throw stop.error;
    if (stop.kind === 'foreign' && (await this.clock()).incarnation === applied.incarnation) {
      this.ended.add(stop.incarnation);
      return;
    }
    const reason = stop.kind === 'gap' ? stop.detail : `the log goes on in incarnation ${stop.incarnation}`;
    this.broken = { reason, at: applied };
    throw new AppError('POSITION_UNKNOWN', `The applied position can't be continued: ${reason}`, {
      retryable: true,
      outcome: 'none',
    });
  }

  /** Together, for speed; one by one if the store refuses one, so that all before it are applied. */
  private async apply(changes: readonly Change[], applied: Applied): Promise<void> {
    const { model } = this.options;
    try {
      await model.apply(changes, applied);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'CHANGE_REJECTED' || changes.length === 1) throw error;
      for (const change of changes) {
        const { position, nonce, incarnation, committedAt } = change;
        // Reading again from the first of them is right for each: what is applied is skipped by its position.
        const resumeOffset = this.progress?.applied.resumeOffset ?? applied.resumeOffset;
        const reached = { position, nonce, incarnation, committedAt, resumeOffset };
        await model.apply([change], reached);
        this.reached(reached);
      }
    }
  }
}

/** Consecutive records of about `bytes`, at least one each. */
export function* slices(records: readonly LogRecord[], bytes: number): Generator<readonly LogRecord[]> {
  let slice: LogRecord[] = [];
  let size = 0;
  for (const record of records) {
    slice.push(record);
    size += record.value?.length ?? 0;
    if (size < bytes) continue;
    yield slice;
    slice = [];
    size = 0;
  }
  if (slice.length > 0) yield slice;
}
