/** For each reason: who can mend it, and what has to happen before the result is HIGH. Data, and when that could be. Pure. */
import type { Assessment } from '../contract/assess.js';
import { OVERDUE_INTERVALS } from '../contract/checkpoints.js';
import type { Micros } from '../position/position.js';
import type { ReasonCode } from '../words.js';

/**
 * ITSELF: nobody has to do anything, it passes as the pipeline goes on. PIPELINE: its owner. STORE: the store, by itself.
 * REPROCESSING: the result is recomputed from the source. OPERATOR: a person who runs the servers. NOBODY: it stays.
 */
export const REMEDY_ACTORS = ['ITSELF', 'STORE', 'REPROCESSING', 'PIPELINE', 'OPERATOR', 'NOBODY'] as const;
export type RemedyActor = (typeof REMEDY_ACTORS)[number];

export interface Remedy {
  readonly reason: string;
  readonly by: RemedyActor;
  /** One sentence. */
  readonly what: string;
  /** Not before, by what is known now; null: nobody knows. */
  readonly notBefore: Micros | null;
}

type Words = Pick<Remedy, 'by' | 'what'>;
const recomputed = (why: string): Words => ({
  by: 'REPROCESSING',
  what: `${why} It is HIGH once it was recomputed from the source: requestReprocessing asks for that.`,
});
const sent = (what: string): Words => ({
  by: 'PIPELINE',
  what: `The pipeline has to send ${what}; a record that carries it takes the reason away. tidemark check-topic tells what else is missing.`,
});

const REMEDIES: Readonly<Record<ReasonCode, Words>> = {
  NO_CHECKPOINT: recomputed('Its engine takes no checkpoints, so it does not become HIGH by itself.'),
  RESTART_DUPLICATION: recomputed('Nobody can tell what the runs have counted.'),
  EPOCH_OPEN: { by: 'ITSELF', what: 'A heartbeat of its run has to show a completed checkpoint that reaches it.' },
  ROLLBACK_UNCONFIRMED: {
    by: 'ITSELF',
    what: 'The job, on its way again, has to emit it once more; what it has passed without doing so is recomputed.',
  },
  ROLLBACK_REFUSED: recomputed('One of the two values is wrong, and the source alone tells which.'),
  CHECKPOINT_OVERDUE: {
    by: 'PIPELINE',
    what: 'A further checkpoint has to complete and be seen in the result topic: see to the job.',
  },
  LATE_UPDATE: recomputed('It was changed after its window had closed.'),
  PIPELINE_STOPPED: { by: 'PIPELINE', what: 'The pipeline has to run again, or to emit the final result.' },
  STORE_BEHIND: { by: 'STORE', what: 'The store has to apply the change that is accepted; Postgres has it.' },
  POSITION_UNKNOWN: { by: 'STORE', what: 'The store has to say how far it is; it is being rebuilt if it can not.' },
  PROOF_UNAVAILABLE: { by: 'OPERATOR', what: 'Postgres has to answer again.' },
  RESULT_EXPIRED: recomputed('What was held against it may have expired.'),
  SEARCH_SET: { by: 'NOBODY', what: 'No search is proven to have found all: take a listing.' },
  VIOLATION_OUTPUT_GAP: recomputed('Output of its pipeline was lost.'),
  VIOLATION_LATE_DROPPED: recomputed('It lacks an event that came too late.'),
  VIOLATION_DEAD_LETTER: {
    by: 'OPERATOR',
    what: 'A person has to replay or dismiss the broken records that could belong to it: deadLetters(state: "OPEN").',
  },
  VIOLATION_SOURCE_KEY_MOVED: {
    by: 'NOBODY',
    what: 'Its events lie in several source partitions: their order is not known, and no recomputation finds it.',
  },
  VIOLATION_VALUE_CONFLICT: recomputed('One of the two values is wrong, and the source alone tells which.'),
  VIOLATION_ENGINE_DIVERGENCE: recomputed('With the same coverage the engine that has evidence says another value.'),
  VIOLATION_STORE_DIVERGENCE: {
    by: 'STORE',
    what: 'The auditor has to repair what this store holds, and to read it again; Postgres and the other stores are not affected.',
  },
  VIOLATION_REVISION_REGRESSION: recomputed('The job went back without having been set back.'),
  VIOLATION_SOURCE_EXPIRED: {
    by: 'NOBODY',
    what: 'The source no longer holds its first events: nothing can verify it.',
  },
  EVIDENCE_MISSING_assignment: sent('where its run begins'),
  EVIDENCE_MISSING_coverage: sent('which source offsets the result covers'),
  EVIDENCE_MISSING_seq: sent('its sequence numbers'),
  EVIDENCE_MISSING_run: sent('what its run restored'),
  EVIDENCE_MISSING_lineage: sent('through which checkpoints its state came'),
  EVIDENCE_MISSING_epoch: sent('which checkpoint commits the result'),
  EVIDENCE_MISSING_delivery: sent('what its sink promises'),
  EVIDENCE_MISSING_revision: sent('how often the result was emitted'),
  EVIDENCE_MISSING_digest: sent('which events the result folds'),
  EVIDENCE_MISSING_checkpoint_interval_ms: sent('how often it takes checkpoints'),
};

const UNKNOWN: Words = { by: 'NOBODY', what: 'This version of the server does not know the reason.' };
const NEVER: Words = {
  by: 'NOBODY',
  what: 'There is no such result, and an engine without checkpoints does not prove that: it stays.',
};

/** The newest recomputation that is open for the key; null: none is. */
export interface OpenRequest {
  /** ISO-8601: nobody begins with it before. */
  readonly dueAt: string | null;
}

const later = (now: Micros | null, more: number): Micros | null => (now === null ? null : ((now + more) as Micros));

function notBefore(by: RemedyActor, reason: string, input: Assessment, open: OpenRequest | null): Micros | null {
  const { now, pipeline, proof, applied } = input;
  if (by === 'REPROCESSING') {
    if (open?.dueAt == null) return null;
    const due = (Date.parse(open.dueAt) * 1000) as Micros;
    return now === null || due > now ? due : now;
  }
  if (reason === 'EPOCH_OPEN' || reason === 'ROLLBACK_UNCONFIRMED') {
    const { provenAt = null, intervalMs = null } = pipeline?.checkpoints ?? {};
    if (now === null || provenAt === null || intervalMs === null) return null;
    // Overdue: nobody knows when the next one completes.
    if (now - provenAt > OVERDUE_INTERVALS * intervalMs * 1000) return null;
    return Math.max(now, provenAt + intervalMs * 1000) as Micros;
  }
  // As far behind as it was when it answered.
  if (reason === 'STORE_BEHIND' && proof !== null && applied !== null && applied !== 'unknown')
    return later(now, Math.max(0, proof.committedAt - applied.committedAt));
  return null;
}

/** What has to happen for HIGH, one entry per reason. @param reasons of the label */
export function remediesOf(reasons: readonly string[], input: Assessment, open: OpenRequest | null): Remedy[] {
  return reasons.map((reason) => {
    const known = REMEDIES[reason as ReasonCode] ?? UNKNOWN;
    const words = reason === 'NO_CHECKPOINT' && input.row === null ? NEVER : known;
    return { reason, ...words, notBefore: notBefore(words.by, reason, input, open) };
  });
}

/** When all of them could be done; null: nobody knows, or it stays, or nothing is left to do. */
export const highNotBefore = (remedies: readonly Remedy[]): Micros | null =>
  remedies.length === 0 || remedies.some((remedy) => remedy.notBefore === null)
    ? null
    : (Math.max(...remedies.map((remedy) => remedy.notBefore ?? 0)) as Micros);
