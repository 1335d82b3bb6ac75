import type { Reached } from './commit-log.js';

/**
 * The highest committed position that this server has seen. A clock that later shows less has been rewound: Postgres was
 * restored from an older copy while the server ran (contract.md §7, Incarnation), and nothing that is read or written with
 * it may count until a new incarnation has begun.
 *
 * Answers overtake each other, so a sighting is compared with what was known *before it was asked for* (`mark`), never with
 * what is known when it comes in.
 */
export class Highest {
  private seen: Reached | null = null;

  /** What is known now; taken before the clock is asked. */
  mark(): Reached | null {
    return this.seen;
  }

  /** A position that is certainly committed. */
  note(committed: Reached): void {
    const { seen } = this;
    const newer = seen === null || seen.incarnation !== committed.incarnation || committed.position > seen.position;
    if (newer) this.seen = committed;
  }
}

/** Pure: has the clock, read after `mark` was taken, gone back behind it? Another incarnation compares with nothing. */
export function rewound(mark: Reached | null, read: Reached): boolean {
  if (mark === null || mark.incarnation !== read.incarnation) return false;
  return read.position < mark.position || (read.position === mark.position && read.nonce !== mark.nonce);
}
