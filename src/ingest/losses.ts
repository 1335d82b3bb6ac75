/** Undecodable source records that a result names (`evidence.lost`): which of them are still held against it. Pure. */
import type { ResultMessage } from '../../wire/result.js';
import type { IncomingResult } from '../decision/state.js';

/** A source record that its pipeline could not decode. */
export interface Loss {
  readonly pipeline: string;
  readonly partition: number;
  readonly offset: number;
}

export const lossId = ({ pipeline, partition, offset }: Loss): string => `${partition}/${offset}/${pipeline}`;

/** What the message names; an offset beyond what a number holds exactly is nobody's, so it is never settled. */
export const lossesOf = (message: ResultMessage): Loss[] =>
  Object.entries(message.evidence?.lost ?? {}).flatMap(([partition, offsets]) =>
    offsets.map((offset) => ({ pipeline: message.pipeline, partition: Number(partition), offset })),
  );

/** The record without what has been replayed or dismissed: it is lost only as long as one of its losses is not settled. */
export function withoutSettled(
  record: IncomingResult,
  message: ResultMessage,
  settled: ReadonlySet<string>,
): IncomingResult {
  if (!record.lost) return record;
  const losses = lossesOf(message);
  // A pipeline that only says that something was lost, not what, can't be taken back.
  const lost = losses.length === 0 || losses.some((loss) => !settled.has(lossId(loss)));
  return lost ? record : { ...record, lost };
}
