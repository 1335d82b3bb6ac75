/** One pass over the source that recomputes results of any kind that can be. Pure. */
import { parseEventText } from '../../wire/parse-event.js';
import { pruneMarks, type LostMark } from '../../fold/lost.js';
import type { Settings, SourceRecord } from '../../fold/settings.js';
import { anomalyFold, anomalyKeys } from './anomalies.js';
import type { KindFold, KindKeys, Recomputed, Wanted } from './kind.js';
import { orderFold, orderKeys } from './orders.js';
import { windowFold, windowKeys } from './windows.js';

/** The kinds that can be recomputed: a further one is a line here (docs/ADD_A_RESULT.md). */
export const REPROCESSABLE: ReadonlyMap<string, Reprocessable> = new Map([
  ['order_window', { fold: windowFold, keys: windowKeys }],
  ['order', { fold: orderFold, keys: orderKeys }],
  ['anomaly', { fold: anomalyFold, keys: anomalyKeys }],
]);

export interface Reprocessable {
  readonly fold: (settings: Settings) => KindFold;
  readonly keys: (settings: Settings) => KindKeys;
}

export class Refold {
  readonly #kinds = new Map<string, KindFold>();
  readonly #marks = new Map<number, LostMark[]>();
  readonly #maxEventTimeMs = new Map<number, number>();

  constructor(private readonly settings: Settings) {}

  /** @returns false: this kind can't be recomputed */
  want(kind: string, wanted: Wanted): boolean {
    let fold = this.#kinds.get(kind);
    if (fold === undefined) {
      fold = REPROCESSABLE.get(kind)?.fold(this.settings);
      if (fold === undefined) return false;
      this.#kinds.set(kind, fold);
    }
    fold.want(wanted);
    return true;
  }

  /** Records of a partition come in offset order, from its first one. */
  take(partition: number, { offset, key, value, appendTimeMs }: SourceRecord): void {
    if (value === null) return;
    const parsed = parseEventText(value.toString('utf8'));
    const max = this.#maxEventTimeMs.get(partition) ?? null;
    if (parsed.kind === 'broken') {
      const watermarkMs = max === null ? null : max - this.settings.watermarkDelayMs;
      const marks = [...(this.#marks.get(partition) ?? []), { offset, key, appendTimeMs, watermarkMs }];
      this.#marks.set(partition, pruneMarks(marks, null, this.settings));
      return;
    }
    for (const fold of this.#kinds.values()) fold.take(parsed.event, parsed.eventTimeMs, { partition, offset });
    if (max === null || parsed.eventTimeMs > max) this.#maxEventTimeMs.set(partition, parsed.eventTimeMs);
  }

  /** What the key is as of all that was taken; null: the source says nothing of it. */
  answer(kind: string, { businessKey, partitions }: Wanted): Recomputed | null {
    const lost = new Map([...this.#marks].filter(([partition]) => partitions.has(partition)));
    return this.#kinds.get(kind)?.answer(businessKey, lost) ?? null;
  }
}
