/**
 * What is wrong with a pipeline right now: from its facts, which ingest took in, and from what REST says of its job. Pure.
 *
 * A condition is true, false, or null: what decides it is not known now, so nothing is said. The first two are those by which
 * answers are lowered (contract/checkpoints.ts, contract/assess.ts), so that an event and an answer say the same.
 */
import { OVERDUE_INTERVALS, overdueMs } from '../contract/checkpoints.js';
import { weakestOf } from '../contract/evidence.js';
import type { PipelineFact } from '../contract/proof-port.js';
import type { Micros } from '../position/position.js';
import type { StalenessEventType } from '../words.js';
import { failureRate, slowestMs, type Figures } from './figures.js';

export const CONDITIONS = {
  CHECKPOINT_OVERDUE: { begins: 'CHECKPOINT_OVERDUE', ends: 'CHECKPOINT_RESUMED' },
  PIPELINE_STOPPED: { begins: 'PIPELINE_STOPPED', ends: 'PIPELINE_RESUMED' },
  LSO_BLOCKED: { begins: 'ALERT_RAISED', ends: 'ALERT_CLEARED' },
  CHECKPOINT_SLOW: { begins: 'ALERT_RAISED', ends: 'ALERT_CLEARED' },
  CHECKPOINTS_FAILING: { begins: 'ALERT_RAISED', ends: 'ALERT_CLEARED' },
  RESTARTING: { begins: 'ALERT_RAISED', ends: 'ALERT_CLEARED' },
} as const satisfies Record<string, { readonly begins: StalenessEventType; readonly ends: StalenessEventType }>;
export type Condition = keyof typeof CONDITIONS;
export const CONDITION_NAMES = Object.keys(CONDITIONS) as Condition[];

export interface Judgement {
  readonly holds: boolean;
  /** One sentence, for when it begins. */
  readonly message: string;
}

export type Judgements = Readonly<Record<Condition, Judgement | null>>;

/** Seed 003: duration > 5 min, > 10 % failed, > 0.5 restarts per 10 min. */
export const ALERTS = { durationMs: 300_000, failureRate: 0.1, restartsPerWindow: 0.5 } as const;

/** So many checkpoints that REST has seen complete and nobody has seen in band are no accident. */
const BLOCKED_CHECKPOINTS = OVERDUE_INTERVALS;

export interface Watched {
  /** Of one pipeline, one per result partition. Never empty. */
  readonly facts: readonly PipelineFact[];
  /** Postgres' time now, of the read that brought the facts. */
  readonly now: Micros;
  /** null: REST is not configured, or was never heard of this pipeline. */
  readonly figures: Figures | null;
  /** REST has answered just now, and ingest reads: else silence in band says nothing of Kafka. */
  readonly alive: boolean;
  /** Silence after which a pipeline has stopped. Milliseconds. */
  readonly silentMs: number;
  /** Of a pipeline without checkpoints: it is silent, and more is written where it writes than can be read (activity.ts). null: not known. */
  readonly held: boolean | null;
}

export const jobIdOf = (run: string | null): string | null => run?.slice(0, run.indexOf('/')) ?? null;

function overdue({ facts, now }: Watched): boolean | null {
  const all = facts.map(({ checkpoints }) => checkpoints);
  // Without an interval nothing is due; the rows say EVIDENCE_MISSING_checkpoint_interval_ms.
  if (all.some((one) => one === null || one.intervalMs === null)) return null;
  return all.some((one) => one?.provenAt === null || now - (one?.provenAt ?? 0) > overdueMs(one) * 1000);
}

function stopped({ facts, now, silentMs }: Watched): boolean {
  return facts.some(({ state, lastHeartbeatAt: heard, checkpoints }) => {
    if (state === 'STOPPING' || heard === null) return true;
    return now - heard > (silentMs + overdueMs(checkpoints)) * 1000;
  });
}

/**
 * The job completes one checkpoint after the other and nothing of it is seen: a transaction that somebody left open holds
 * the last stable offset. Judged by numbers of checkpoints: two machines' clocks are not compared.
 */
function blocked(watched: Watched, late: boolean | null): boolean | null {
  const { figures, facts, alive, held } = watched;
  // It takes part in no transaction: one that stands open in its topic is somebody else's, and Kafka itself says so.
  if (facts.every(({ engine }) => engine === 'KAFKA_ONLY')) return held;
  if (late === false) return false;
  if (late === null || figures === null || !alive) return null;
  const { job } = figures;
  if (job.state !== 'RUNNING' || job.completed === null) return false;
  const unseen = facts.map(({ run, checkpoints }) => {
    if (jobIdOf(run) !== job.id) return job.completedCount;
    const seen = checkpoints?.completed ?? checkpoints?.lineage.at(-1)?.[1] ?? 0;
    return Math.min((job.completed?.id ?? 0) - seen, job.completedCount);
  });
  return Math.max(...unseen) >= BLOCKED_CHECKPOINTS;
}

const judgement = (holds: boolean | null, message: string): Judgement | null =>
  holds === null ? null : { holds, message };

/** @param by how the figure stands to its limit; null: unknown */
function alert(
  watched: Watched,
  figure: number | null,
  limit: number,
  message: (value: number) => string,
): Judgement | null {
  if (!watched.alive || figure === null) return null;
  return { holds: figure > limit, message: message(figure) };
}

export function judge(watched: Watched): Judgements {
  const { facts, figures } = watched;
  const name = facts[0]?.pipeline ?? '';
  const late = overdue(watched);
  return {
    CHECKPOINT_OVERDUE: judgement(
      late,
      `${name}: no completed checkpoint was seen for more than ${OVERDUE_INTERVALS} intervals; the last one is of ${weakestOf(facts).lastCheckpointTime ?? 'an unknown time'}.`,
    ),
    PIPELINE_STOPPED: judgement(stopped(watched), `${name} has stopped or is silent.`),
    LSO_BLOCKED: judgement(
      blocked(watched, late),
      `${name} writes and nothing of it is visible: an open transaction holds its result topic.`,
    ),
    CHECKPOINT_SLOW: alert(
      watched,
      figures && slowestMs(figures),
      ALERTS.durationMs,
      (ms) => `${name}: a checkpoint took ${Math.round(ms / 1000)} s.`,
    ),
    CHECKPOINTS_FAILING: alert(
      watched,
      figures && failureRate(figures),
      ALERTS.failureRate,
      (rate) => `${name}: ${Math.round(rate * 100)} % of the last ten minutes' checkpoints failed.`,
    ),
    RESTARTING: alert(
      watched,
      figures && figures.restartedAtMs.length,
      ALERTS.restartsPerWindow,
      (times) => `${name} was restarted ${times} times within ten minutes.`,
    ),
  };
}
