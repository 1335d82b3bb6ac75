/**
 * Works off reprocessing requests (ADR 13): claim, read the source, fold, emit. Nothing is kept between rounds but the queue: after
 * a crash at any point the requests are due again when their lease ends, and an answer that was sent twice is taken in once.
 */
import { TOPIC_RESETS, TOPIC_RESULTS_FLINK, TOPIC_RESULTS_KAFKA_ONLY } from '../../wire/topics.js';
import { partitionOf } from '../../wire/partition.js';
import type { Reset } from '../../wire/reset.js';
import type { Settings } from '../../fold/settings.js';
import { asError } from '../errors.js';
import type { LogConsumer } from '../log/port.js';
import type { RawLog } from '../raw/port.js';
import type { ProcessingEngine } from '../words.js';
import { runCensus, type CensusOptions } from './census-run.js';
import { REPROCESSABLE, Refold } from './fold.js';
import type { Wanted } from './kind.js';
import { resetCommand, resultMessage, type Asked } from './message.js';
import type { Claimed, Queue } from './queue.js';
import { isRead, scan, type Scanned } from './scan.js';

export interface WorkerOptions {
  readonly queue: Queue;
  readonly settings: Settings;
  readonly sourcePartitions: () => Promise<number>;
  /** A consumer of the source that is alone in its group; a new one for each scan. */
  readonly consumer: () => LogConsumer;
  readonly rawLog: Pick<RawLog, 'read'>;
  /** Ends these requests as failed for good, and lowers what was asked for: the first events of it are out of reach. */
  readonly expired: (gone: readonly { readonly id: string; readonly message: string }[]) => Promise<void>;
  /** Losses whose missing results are looked for (ADR 19), and who is told once nothing is missing any more. */
  readonly censuses: Pick<CensusOptions, 'store' | 'recovered'>;
  /** Resolves once the broker has it. */
  readonly send: (topic: string, message: { partition: number; key: string; value: Buffer }) => Promise<unknown>;
  readonly monotonicMs: () => number;
  readonly nowMs: () => number;
  readonly limits?: Partial<WorkerLimits>;
  readonly log: (level: 'info' | 'warn', message: string, fields: Record<string, unknown>) => void;
  /** Called where a crash is the most awkward: the tests break in there. */
  readonly hook?: (point: 'claimed' | 'scanned' | 'sent') => void;
}

export type WorkerLimits = Record<keyof typeof WORKER_LIMITS, number>;
export const WORKER_LIMITS = {
  /** Requests of one scan. */
  batch: 5_000,
  leaseMs: 60_000,
  /** An answer that ingest has not taken in by then is made again. */
  retryMs: 30_000,
  /** Attempts at one request. */
  attempts: 12,
  /** Between two looks for what can be repaired and is not asked for. */
  sweepMs: 5_000,
  idleMs: 3_000,
  scanMs: 600_000,
  /** What lost output left without a row, or without a newer one, may still be on its way for so long. */
  settleMs: 10_000,
} as const;

const TOPIC_OF: Readonly<Record<ProcessingEngine, string>> = {
  KAFKA_ONLY: TOPIC_RESULTS_KAFKA_ONLY,
  FLINK: TOPIC_RESULTS_FLINK,
};
const PIPELINE_OF: Readonly<Record<ProcessingEngine, string>> = {
  KAFKA_ONLY: 'orders-kafka-only',
  FLINK: 'orders-flink',
};

/** One request with what has to be read for it. */
interface Job {
  readonly claimed: Claimed;
  readonly wanted: Wanted;
}

/** Symbol of a key that carries it; null: it does not. */
export const symbolIn = (businessKey: string): string | null => {
  const at = businessKey.lastIndexOf('@');
  return at > 0 ? businessKey.slice(0, at) : null;
};

/**
 * Where the events of a result lie: where its row says that they do; a symbol that moved may have some in any partition.
 * Without a row its key must tell. Pure.
 */
export function jobOf(claimed: Claimed, partitions: number): Job {
  const symbol = claimed.row?.symbol ?? claimed.symbol ?? symbolIn(claimed.businessKey);
  const all = Array.from({ length: partitions }, (_, p) => p);
  const own = [
    ...(claimed.row?.sourcePartitions ?? []),
    ...(claimed.sourcePartition === null ? [] : [claimed.sourcePartition]),
  ];
  const named = own.length > 0 ? own : symbol === null || partitions === 0 ? all : [partitionOf(symbol, partitions)];
  const wanted = {
    businessKey: claimed.businessKey,
    symbol,
    partitions: new Set(claimed.row?.keyMoved === true ? all : named),
  };
  return { claimed, wanted };
}

/** Why a request can't be worked on at all; null: it can. Pure. */
export function refusal({ claimed, wanted }: Job, attempts: number): { code: string; message: string } | null {
  if (!REPROCESSABLE.has(claimed.kind)) {
    return { code: 'KIND_NOT_REPROCESSABLE', message: 'Nothing in this server can recompute results of this kind.' };
  }
  if (wanted.partitions.size === 0 || (claimed.row === null && wanted.symbol === null)) {
    return {
      code: 'RESULT_UNKNOWN',
      message: 'Nothing is stored of it, and its key does not say where its events lie.',
    };
  }
  if (wanted.partitions.size !== 1) {
    return {
      code: 'SOURCE_KEY_MOVED',
      message: 'Its events lie in several source partitions, so their order is not known.',
    };
  }
  if (claimed.attempts <= attempts) return null;
  return {
    code: 'REPROCESSING_GAVE_UP',
    message: `It was answered ${attempts} times, and the row was further each time.`,
  };
}

/** In the partition of the same number as the source partition that it speaks of. */
const resetRecord = (command: Reset): { partition: number; key: string; value: Buffer } => ({
  partition: command.source_partition,
  key: command.symbol,
  value: Buffer.from(JSON.stringify(command)),
});

/** How far each of its partitions was read; null: the beginning of one is gone. Pure. */
function reached({ wanted }: Job, scanned: ReadonlyMap<number, Scanned>): Record<string, number> | null {
  const upTo: Record<string, number> = {};
  for (const partition of wanted.partitions) {
    const own = scanned.get(partition);
    if (own === undefined || 'expired' in own) return null;
    upTo[String(partition)] = own.upTo;
  }
  return upTo;
}

/** Is there nothing behind what was read? */
const isWhole = ({ wanted }: Job, scanned: ReadonlyMap<number, Scanned>): boolean =>
  [...wanted.partitions].every((partition) => {
    const own = scanned.get(partition);
    return own !== undefined && isRead(own);
  });

function expiredOf(
  { claimed, wanted }: Job,
  scanned: ReadonlyMap<number, Scanned>,
): { id: string; message: string } | null {
  for (const partition of wanted.partitions) {
    const own = scanned.get(partition);
    if (own === undefined || !('expired' in own)) continue;
    const message = `Source partition ${partition}: ${own.expired}, and the raw log does not hold what was before.`;
    return { id: claimed.id, message };
  }
  return null;
}

const idsOf = (jobs: readonly Job[]): string[] => jobs.map(({ claimed }) => claimed.id);

export interface Worker {
  /** One round. @returns how many requests it worked on */
  run(): Promise<number>;
  /** Ends the round that is under way; what it had claimed is due again when its lease ends. */
  stop(): void;
}

export function createWorker(options: WorkerOptions): Worker {
  const { queue, hook } = options;
  const limits = { ...WORKER_LIMITS, ...options.limits };
  const ended = new AbortController();
  let sweptMs = -Infinity;

  /** Reads what these jobs need at once, and answers all that can be. */
  async function work(jobs: readonly Job[]): Promise<void> {
    const refold = new Refold(options.settings);
    for (const { claimed, wanted } of jobs) refold.want(claimed.kind, wanted);
    const partitions = new Set(jobs.flatMap(({ wanted }) => [...wanted.partitions]));
    const renewing = setInterval(() => {
      void queue.renew(idsOf(jobs), limits.leaseMs).catch(() => undefined);
    }, limits.leaseMs / 3);
    try {
      const scanned = await scan({
        consumer: options.consumer(),
        partitions,
        take: (partition, record) => refold.take(partition, record),
        rawLog: options.rawLog,
        idleMs: limits.idleMs,
        limitMs: limits.scanMs,
        signal: ended.signal,
        monotonicMs: options.monotonicMs,
      });
      hook?.('scanned');
      const gone = jobs.flatMap((job) => expiredOf(job, scanned) ?? []);
      if (gone.length > 0) await options.expired(gone);
      for (const job of jobs) {
        const upTo = reached(job, scanned);
        if (upTo !== null) await answer(job, refold, upTo, isWhole(job, scanned));
      }
    } finally {
      clearInterval(renewing);
    }
  }

  async function answer(
    { claimed, wanted }: Job,
    refold: Refold,
    upTo: Readonly<Record<string, number>>,
    whole: boolean,
  ): Promise<void> {
    const { id } = claimed;
    const recomputed = refold.answer(claimed.kind, wanted);
    if (!whole && recomputed?.op !== 'upsert') {
      const message = 'The source could not be read to its end. It is tried again.';
      return queue.later([id], 'REPROCESSING_TIMEOUT', message, limits.attempts);
    }
    if (recomputed === null) {
      return queue.fail([id], 'REPROCESSING_NOT_IN_SOURCE', 'The source holds no event of such a result.');
    }
    const { symbol } = recomputed.value as { symbol: string };
    const topic = claimed.row?.topic ?? TOPIC_OF[claimed.engine];
    const asked: Asked = {
      id,
      nonce: claimed.nonce,
      kind: claimed.kind,
      businessKey: claimed.businessKey,
      engine: claimed.engine,
      pipeline: claimed.row?.pipeline ?? PIPELINE_OF[claimed.engine],
      revision: claimed.row?.revision ?? 1,
    };
    const message = resultMessage(asked, recomputed, upTo, options.nowMs());
    const partition = claimed.row?.partition ?? partitionOf(symbol, await queue.resultPartitions(topic));
    await options.send(topic, { partition, key: claimed.businessKey, value: Buffer.from(JSON.stringify(message)) });
    hook?.('sent');
    // Behind the answer: what the engine says from the new state is believed because ingest has read the answer before it. Should
    // this be lost, the state stays tainted: its result is asked for again when it changes.
    const command = claimed.row?.final === true ? null : resetCommand(asked, recomputed, upTo);
    if (command !== null) await options.send(TOPIC_RESETS, resetRecord(command));
    await queue.emitted([id], upTo, limits.retryMs);
  }

  async function attempt(jobs: readonly Job[]): Promise<void> {
    if (jobs.length === 0) return;
    try {
      await work(jobs);
    } catch (error) {
      if (ended.signal.aborted) return;
      const { message } = asError(error);
      const code = (error as { code?: unknown }).code;
      options.log('warn', 'reprocessing failed; it is tried again', { requests: jobs.length, err: error });
      await queue.later(idsOf(jobs), typeof code === 'string' ? code : 'REPROCESSING_FAILED', message, limits.attempts);
    }
  }

  /** One look for what lost output has left missing, if one is due. @returns whether one was */
  async function census(partitions: number): Promise<boolean> {
    const { settings, consumer, rawLog, monotonicMs, log, censuses } = options;
    const partitionsOf = (topic: string): Promise<number> => queue.resultPartitions(topic);
    const parts = { ...censuses, settings, partitionsOf, consumer, rawLog, monotonicMs, limits, log };
    try {
      return await runCensus(parts, partitions, ended.signal);
    } catch (error) {
      if (!ended.signal.aborted)
        log('warn', 'what was lost could not be looked for; it is tried again', { err: error });
      return true;
    }
  }

  return {
    async run() {
      if (ended.signal.aborted) return 0;
      const partitions = await options.sourcePartitions();
      if (options.monotonicMs() - sweptMs > limits.sweepMs) {
        await queue.sweep([...REPROCESSABLE.keys()], limits.batch);
        sweptMs = options.monotonicMs();
      }
      const looked = await census(partitions);
      const claimed = await queue.claim(limits.batch, limits.leaseMs);
      if (claimed.length === 0) return Number(looked);
      hook?.('claimed');
      const jobs = claimed.map((one) => jobOf(one, partitions));
      for (const job of jobs) {
        const refused = refusal(job, limits.attempts);
        if (refused !== null) await queue.fail([job.claimed.id], refused.code, refused.message);
      }
      await attempt(jobs.filter((job) => refusal(job, limits.attempts) === null));
      return claimed.length;
    },
    stop: () => ended.abort(),
  };
}
