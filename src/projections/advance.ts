/**
 * The chain rule of a projection, pure: records of the CDC topic against what is applied → the changes to apply, and
 * why it can't go on, if it can't (contract.md §7: P = applied + 1, the matching nonce, and all parts).
 */
import { AppError } from '../errors.js';
import type { LogRecord } from '../log/port.js';
import { link } from '../position/commit-log.js';
import type { Applied, Change, StoredResult } from '../stores/port.js';
import { decodePart, documentsOf, type Part } from './envelope.js';

/** A position whose last parts have not come yet. */
export interface Tail {
  /** Its part 0; the documents are those of all parts that have come. */
  readonly head: Part;
  readonly documents: readonly StoredResult[];
  readonly nextPart: number;
  /** Offset of part 0: where to read from again if this memory is lost. */
  readonly firstOffset: bigint;
}

export interface Progress {
  readonly applied: Applied;
  readonly tail: Tail | null;
}

export type Stop =
  | { readonly kind: 'invalid'; readonly error: AppError }
  /** Something is missing or forked: the applied position can't be continued by this log. */
  | { readonly kind: 'gap'; readonly detail: string }
  /** A record of another incarnation: only the truth knows which of the two is over. */
  | { readonly kind: 'foreign'; readonly incarnation: string };

export interface Advance {
  readonly changes: readonly Change[];
  /** After `changes` are applied. `applied.resumeOffset` is behind every record that was looked at. */
  readonly progress: Progress;
  /** null: every record was taken or was known already. */
  readonly stop: Stop | null;
}

/**
 * @param ended incarnations known to be over: their records are left out
 * Records without a value (tombstones) say nothing and are left out.
 */
export function advance(from: Progress, records: readonly LogRecord[], ended: ReadonlySet<string>): Advance {
  const changes: Change[] = [];
  let progress = from;
  for (const { offset, value } of records) {
    if (value !== null) {
      const step = take(progress, value, offset, ended);
      if ('stop' in step) return { changes, progress, stop: step.stop };
      if (step.change !== null) changes.push(step.change);
      progress = step.progress;
    }
    const resumeOffset = progress.tail?.firstOffset ?? offset + 1n;
    progress = { ...progress, applied: { ...progress.applied, resumeOffset } };
  }
  return { changes, progress, stop: null };
}

type Step = { readonly progress: Progress; readonly change: Change | null } | { readonly stop: Stop };

function take(progress: Progress, value: Buffer, offset: bigint, ended: ReadonlySet<string>): Step {
  try {
    const part = decodePart(value);
    if (part.incarnation !== progress.applied.incarnation) {
      if (ended.has(part.incarnation)) return { progress, change: null };
      return { stop: { kind: 'foreign', incarnation: part.incarnation } };
    }
    switch (link(progress.applied, part)) {
      case 'already-applied':
        return { progress, change: null };
      case 'broken':
        return { stop: { kind: 'gap', detail: describe(progress, part) } };
      case 'next':
        return assemble(progress, part, offset);
    }
  } catch (error) {
    if (error instanceof AppError) return { stop: { kind: 'invalid', error } };
    throw error;
  }
}

/** Adds a part of the next position; with the last one the position becomes a change. */
function assemble(progress: Progress, part: Part, offset: bigint): Step {
  const { tail } = progress;
  const expected = tail?.nextPart ?? 0;
  const sameChange = tail === null || (tail.head.nonce === part.nonce && tail.head.parts === part.parts);
  if (!sameChange || part.part > expected) return { stop: { kind: 'gap', detail: describe(progress, part) } };
  // Connect delivers at least once: after its restart the parts come again from the first.
  if (part.part < expected) return { progress, change: null };
  const head = tail?.head ?? part;
  const documents = [...(tail?.documents ?? []), ...documentsOf(part)];
  const nextPart = part.part + 1;
  if (nextPart < part.parts) {
    const firstOffset = tail?.firstOffset ?? offset;
    return { progress: { ...progress, tail: { head, documents, nextPart, firstOffset } }, change: null };
  }
  const { position, nonce, predecessor, incarnation, committedAt } = head;
  const applied = { position, nonce, incarnation, committedAt, resumeOffset: offset + 1n };
  const change = { position, nonce, predecessor, incarnation, committedAt, documents };
  return { progress: { applied, tail: null }, change };
}

const describe = ({ applied, tail }: Progress, part: Part): string =>
  `position ${part.position}, part ${part.part} of ${part.parts}, does not follow position ${applied.position}` +
  (tail === null ? '' : ` and ${tail.nextPart} of ${tail.head.parts} parts of position ${tail.head.position}`);
