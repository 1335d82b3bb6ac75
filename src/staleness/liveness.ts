/**
 * What keeps the parts of the path from going on, from what was seen of them just now (contract.md §2: idle is not stalled). Pure.
 *
 * Two kinds of evidence, never taken for one another. That something *stands still* is seen in band alone: a position that was committed
 * so long ago, and that nobody has applied. *Why* it does is what those say who run it (Kafka Connect, Postgres, Kafka), and is asked
 * only then. What says RUNNING proves nothing; what says PAUSED while everything arrives is wrong. Where evidence is missing: UNKNOWN.
 */
import type { CdcCause } from '../words.js';

/** From the commit log to the read models, as the one that is ahead shows it. */
export type CdcLiveness = 'FLOWING' | 'BACK_PRESSURE' | 'UNKNOWN' | CdcCause;
export type ClockLiveness = 'BEATING' | 'HANGING_TRANSACTION' | 'UNKNOWN';
export type StoreLiveness = 'FLOWING' | 'BACK_PRESSURE' | 'CUT_OFF' | 'REBUILDING' | 'BLOCKED' | 'UNKNOWN';
export type ServerClockLiveness = 'IN_STEP' | 'OFF' | 'UNKNOWN';

/** By how much anything may be late. Milliseconds. */
export interface LivenessLimits {
  /** Later than this is late; then it is asked why. */
  readonly lateMs: number;
  /** Late, with nothing wrong that could be named. */
  readonly pressedMs: number;
  /** What has not moved at all for so long is no back-pressure. */
  readonly stillMs: number;
  /** A clock may be off by so much. */
  readonly offMs: number;
}

/**
 * Two heartbeats and some: with a look every heartbeat whatever stands still is classified within two heartbeats and a second.
 * @param heartbeatMs after so long without a commit an empty one is made @param staleMs what answers are called stale by
 */
export const livenessLimits = (heartbeatMs: number, staleMs: number): LivenessLimits => ({
  lateMs: 2 * heartbeatMs + 200,
  pressedMs: 2 * heartbeatMs + 600,
  stillMs: staleMs,
  offMs: 1_000,
});

/** What Kafka Connect says of the connector. `silent`: it was asked and did not answer in time. */
export type ConnectSeen =
  | { readonly kind: 'answers'; readonly connector: string; readonly tasks: readonly string[] }
  | { readonly kind: 'unknown-to-it' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'silent' };

export type SlotSeen =
  | { readonly kind: 'missing' }
  | { readonly kind: 'there'; readonly active: boolean; readonly walStatus: string | null };

export interface CdcSeen {
  /** So long ago, at least, the oldest position was committed that no read model has applied; 0: there is none. null: not known. */
  readonly lateMs: number | null;
  /** Since one of them applied anything. null: not seen yet. */
  readonly stillMs: number | null;
  /** Something has arrived late within `stillMs`, and something is late again, or still: a machine that stood still once catches up, and that is all. */
  readonly arrives: boolean;
  /** null: not asked. */
  readonly connect: ConnectSeen | null;
  readonly slot: SlotSeen | null;
  /** Kafka answers; what is in the topic is known. */
  readonly kafkaAnswers: boolean;
}

/** Whatever stands in the way of *all* read models. */
export function cdcLiveness(seen: CdcSeen, limits: LivenessLimits): CdcLiveness {
  const { lateMs } = seen;
  if (lateMs === null) return 'UNKNOWN';
  if (lateMs <= limits.lateMs) return 'FLOWING';
  return causeOf(seen) ?? pressed(seen, lateMs, limits);
}

function causeOf({ connect, slot }: CdcSeen): CdcCause | null {
  // Postgres' own word first: without a slot nothing that Connect says matters.
  if (slot?.kind === 'missing') return 'SLOT_MISSING';
  if (slot?.kind === 'there' && slot.walStatus === 'lost') return 'SLOT_LOST';
  if (connect === null) return null;
  if (connect.kind === 'unknown-to-it') return 'CONNECTOR_MISSING';
  if (connect.kind === 'refused') return 'CONNECT_DOWN';
  if (connect.kind === 'silent') return null;
  const { connector, tasks } = connect;
  if (connector === 'PAUSED') return 'CONNECTOR_PAUSED';
  if (connector === 'STOPPED') return 'CONNECTOR_STOPPED';
  if (connector === 'FAILED' || tasks.includes('FAILED')) return 'TASK_FAILED';
  const running = connector === 'RUNNING' && tasks.length > 0 && tasks.every((task) => task === 'RUNNING');
  // It says that it runs, and nobody reads its slot: whoever did has ended, and it has not noticed.
  return running && slot?.kind === 'there' && !slot.active ? 'SLOT_UNREAD' : null;
}

/** Everything that can be asked says that it lives, and what is committed arrives late. */
function pressed(seen: CdcSeen, lateMs: number, limits: LivenessLimits): CdcLiveness {
  if (lateMs <= limits.pressedMs) return 'FLOWING';
  const { connect, slot, kafkaAnswers } = seen;
  const lives = connect?.kind === 'answers' && slot?.kind === 'there' && slot.active && kafkaAnswers;
  return lives && goesOn(seen, limits) ? 'BACK_PRESSURE' : 'UNKNOWN';
}

const goesOn = ({ stillMs, arrives }: Pick<CdcSeen, 'stillMs' | 'arrives'>, limits: LivenessLimits): boolean =>
  arrives && stillMs !== null && stillMs <= limits.stillMs;

export interface StoreLivenessSeen {
  /** Of its own oldest position that is not applied. null: it did not say how far it is. */
  readonly lateMs: number | null;
  readonly stillMs: number | null;
  /** As above, of its own. */
  readonly arrives: boolean;
  /** It has applied what the read model that is ahead has. */
  readonly isAhead: boolean;
  /** Of this server's projection into it. */
  readonly state: string;
}

/** @param cdc of the path that all share */
export function storeLiveness(seen: StoreLivenessSeen, cdc: CdcLiveness, limits: LivenessLimits): StoreLiveness {
  if (seen.state === 'rebuilding') return 'REBUILDING';
  if (seen.state === 'blocked') return 'BLOCKED';
  if (seen.lateMs === null) return 'UNKNOWN';
  if (seen.lateMs <= limits.lateMs) return 'FLOWING';
  if (cdc !== 'FLOWING' && seen.isAhead) return 'CUT_OFF';
  if (seen.lateMs <= limits.pressedMs) return 'FLOWING';
  return goesOn(seen, limits) ? 'BACK_PRESSURE' : 'UNKNOWN';
}

export interface ClockSeen {
  /** Since the clock moved last, by Postgres' time. null: Postgres does not answer. */
  readonly beatMs: number | null;
  /** Somebody waits for the clock, and who holds it up waits for nobody: a server, which may only be slow, or a stranger. null: not asked. */
  readonly held: 'by-server' | 'by-stranger' | 'no' | null;
}

/** The clock is beaten by every server: where none does, and nobody holds it, that is not known to be anybody's fault. */
export function clockLiveness({ beatMs, held }: ClockSeen, limits: LivenessLimits): ClockLiveness {
  if (beatMs === null) return 'UNKNOWN';
  if (beatMs <= limits.lateMs) return 'BEATING';
  const hangs = held === 'by-stranger' || (held === 'by-server' && beatMs > limits.stillMs / 2);
  return hangs ? 'HANGING_TRANSACTION' : 'UNKNOWN';
}

/** Bounds of (this server's wall clock − Postgres'), from one exchange; milliseconds. */
export interface OffsetSeen {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** For people and alarms: no claim rests on it (contract.md §8, Time). */
export function serverClockLiveness(seen: OffsetSeen | null, limits: LivenessLimits): ServerClockLiveness {
  if (seen === null || seen.mostMs < seen.leastMs || seen.mostMs - seen.leastMs > limits.offMs) return 'UNKNOWN';
  return seen.leastMs > limits.offMs || seen.mostMs < -limits.offMs ? 'OFF' : 'IN_STEP';
}
