/** What a kind of result must give to be recomputed (docs/ADD_A_RESULT.md). Pure. */
import type { OrderEvent } from '../../wire/event.js';
import type { Evidence } from '../../wire/result.js';
import type { Reset } from '../../wire/reset.js';
import type { LostMark } from '../../fold/lost.js';

/** Where an event lies in the source. Within a key events come in this order (contract.md §4). */
export interface EventPlace {
  readonly partition: number;
  readonly offset: number;
}

/** A result that is to be recomputed. */
export interface Wanted {
  readonly businessKey: string;
  /** null: the key does not say, and nothing is stored of it. */
  readonly symbol: string | null;
  readonly partitions: ReadonlySet<number>;
}

/** What the key is, after all events of its partitions. */
export interface Recomputed {
  /** `delete`: it is deleted, or the source does not make it. */
  readonly op: 'upsert' | 'delete';
  readonly value: object;
  readonly evidence: Evidence;
  /** What a processor can go on from; null: this kind, or this result, has no state to be reset. */
  readonly state: Reset['state'] | null;
}

/** Recomputes all wanted results of one kind in one pass over the source. */
export interface KindFold {
  want(wanted: Wanted): void;
  /** A decodable event; in (partition, offset) order within each partition. */
  take(event: OrderEvent, timeMs: number, place: EventPlace): void;
  /**
   * @param lost undecodable records of the partitions that were read, by partition
   * @returns null when the source says nothing of such a key
   */
  answer(businessKey: string, lost: LostMarks): Recomputed | null;
}

/** Names the results of a kind that the source makes: all of them, and no other. Events come as to `KindFold`. */
export type KindKeys = (event: OrderEvent, timeMs: number, place: EventPlace) => readonly string[];

export type LostMarks = ReadonlyMap<number, readonly LostMark[]>;

/** [first, last] by partition, as offsets are folded. */
export class Covered {
  readonly #spans = new Map<number, [number, number]>();

  add({ partition, offset }: EventPlace): void {
    const span = this.#spans.get(partition);
    if (span === undefined) this.#spans.set(partition, [offset, offset]);
    else span[1] = offset;
  }

  get partitions(): number[] {
    return [...this.#spans.keys()];
  }

  coverage(): Record<string, [number, number]> {
    return Object.fromEntries([...this.#spans].map(([p, span]) => [String(p), [...span]]));
  }

  /** Of a key whose events all lie in one partition; null otherwise. */
  single(): readonly [number, number] | null {
    const [only, ...others] = this.#spans.values();
    return only === undefined || others.length > 0 ? null : only;
  }
}

/** `evidence.lost` of a result, in the wire's form; nothing when there is none. */
export function lostEvidence(lost: ReadonlyMap<number, readonly number[]>): Pick<Evidence, 'lost'> {
  const named = [...lost].filter(([, offsets]) => offsets.length > 0).map(([p, offsets]) => [String(p), [...offsets]]);
  return named.length === 0 ? {} : { lost: Object.fromEntries(named) as Record<string, number[]> };
}
