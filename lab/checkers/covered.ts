/**
 * Which source records completed checkpoints cover, by what the engine's group has committed: a path that the server's own
 * `sourceAsOf` does not go, for the recorder looks by itself. Pure.
 */
import type { Committed, History, SourceEvent } from '../history/types.js';
import { countWhere, msOf } from './truth.js';

interface Look {
  readonly sent: number;
  /** The most that was committed up to here: a job that is restored from older state commits less, and has covered it before. */
  readonly most: readonly number[];
}

export interface Uncovered {
  readonly partition: number;
  readonly offset: number;
  readonly committed: number;
}

export class Covered {
  private readonly looks: readonly Look[];
  private readonly events = new Map<number, SourceEvent[]>();
  private readonly due = new Map<string, ReadonlyMap<number, number>>();

  constructor({ committed, events }: Pick<History, 'committed' | 'events'>) {
    this.looks = mostOf(committed);
    for (const event of events) {
      const own = this.events.get(event.partition);
      if (own === undefined) this.events.set(event.partition, [event]);
      else own.push(event);
    }
  }

  /**
   * The first record that had been appended by then and was covered by no checkpoint when the answer had come.
   * @param ended of the answer, by the recorder's clock
   * @returns undefined: nobody looked
   */
  missing(sourceAsOf: string, ended: number): Uncovered | null | undefined {
    const look = this.looks[countWhere(this.looks, ({ sent }) => sent < ended)];
    if (look === undefined) return undefined;
    for (const [partition, offset] of this.appendedBy(sourceAsOf)) {
      const committed = look.most[partition] ?? -1;
      if (offset >= committed) return { partition, offset, committed };
    }
    return null;
  }

  /** Partition → offset of the last record that was appended up to then: the broker's times never go back in a partition. */
  private appendedBy(iso: string): ReadonlyMap<number, number> {
    const known = this.due.get(iso);
    if (known !== undefined) return known;
    const last = new Map<number, number>();
    for (const [partition, events] of this.events) {
      const event = events[countWhere(events, ({ appendedAtMs }) => appendedAtMs <= msOf(iso)) - 1];
      if (event !== undefined) last.set(partition, event.offset);
    }
    this.due.set(iso, last);
    return last;
  }
}

function mostOf(committed: readonly Committed[]): Look[] {
  let most: number[] = [];
  return committed.map(({ sent, offsets }) => {
    most = offsets.map((offset, p) => Math.max(offset, most[p] ?? -1));
    return { sent, most };
  });
}
