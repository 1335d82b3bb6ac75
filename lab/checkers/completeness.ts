/**
 * Completeness: each source record is counted, a duplicate, late-dropped, dead, or no event at all; or the result that lacks
 * it is labelled LOW. Nothing else may happen to it. And what the server says an engine has lost is not in the engine's topic:
 * otherwise the server has lost it itself, however truthful its labels are.
 */
import type { History, SourceEvent } from '../history/types.js';
import { End, indexOf, NOT_READ, type Indexed } from './claims.js';
import { equal } from './equal.js';
import type { Decoded } from './fold.js';
import { broken, Collector, unknown, type Outcome, type Verdict } from './verdict.js';

const placeOf = ({ partition, offset }: { partition: number; offset: number }): string => `${partition}/${offset}`;

type Fate = 'counted' | 'duplicate' | 'late-dropped' | 'dead' | 'tombstone' | 'no creation' | 'labelled';

class Fates {
  readonly counts = new Map<Fate, number>();
  private readonly notices: ReadonlySet<string>;
  private readonly end: End;
  private readonly members = new Map<string, ReadonlySet<string>>();
  private readonly right = new Map<string, boolean>();

  constructor(private readonly indexed: Indexed) {
    this.end = new End(indexed);
    this.notices = new Set(indexed.history.notices.map((notice) => `${notice.kind}|${placeOf(notice)}`));
  }

  of(record: SourceEvent, decoded: Decoded | undefined, engine: string): Outcome {
    if (record.value === null) return this.is('tombstone');
    if (decoded === undefined) {
      return this.noticed('dead-letter', record)
        ? this.is('dead')
        : broken({ why: 'neither decoded nor a dead letter' });
    }
    // Updates and deletes do not change a window.
    if (decoded.op !== 'c' && decoded.op !== 'r') return this.is('no creation');
    const businessKey = this.indexed.fold.windowOf(decoded);
    if (!this.membersOf(businessKey).has(placeOf(record))) return this.is('duplicate');
    const key = `order_window|${engine}|${businessKey}`;
    if (this.isRight(key, businessKey)) return this.is('counted');
    if (this.end.isLow(key)) return this.is(this.noticed('late-dropped', record) ? 'late-dropped' : 'labelled');
    if (!this.end.wasRead(key)) return unknown(NOT_READ);
    return broken({ why: 'in no result, and nothing says so', result: this.indexed.truth.newest(key) });
  }

  private is(fate: Fate): Outcome {
    this.counts.set(fate, (this.counts.get(fate) ?? 0) + 1);
    return 'holds';
  }

  private noticed(kind: string, record: SourceEvent): boolean {
    return this.notices.has(`${kind}|${placeOf(record)}`);
  }

  private membersOf(businessKey: string): ReadonlySet<string> {
    let members = this.members.get(businessKey);
    if (members === undefined) {
      members = new Set(this.indexed.fold.fold('order_window', businessKey)?.members.map(placeOf) ?? []);
      this.members.set(businessKey, members);
    }
    return members;
  }

  private isRight(key: string, businessKey: string): boolean {
    let right = this.right.get(key);
    if (right === undefined) {
      const row = this.indexed.truth.newest(key)?.document;
      right = equal(row?.value, this.indexed.fold.fold('order_window', businessKey)?.value);
      this.right.set(key, right);
    }
    return right;
  }
}

export function completeness(history: History): Verdict {
  const indexed = indexOf(history);
  const collector = new Collector('completeness');
  const fates = new Fates(indexed);
  const decoded = new Map(indexed.fold.decoded.map((event) => [placeOf(event.place), event]));
  const last = new Map<number, number>();
  for (const record of history.events) {
    const id = { key: placeOf(record), position: null, fault: '' };
    // The log of a partition has no holes: what the recorder itself did not see must not pass for lost by the system.
    const before = last.get(record.partition) ?? -1;
    if (record.offset !== before + 1) collector.note('recorded', id, unknown('offsets are missing in the recording'));
    last.set(record.partition, record.offset);
    for (const engine of indexed.truth.engines) {
      const open = history.quiet === null || indexed.truth.blind;
      collector.note(
        'accounted',
        id,
        open ? unknown('no quiet end') : fates.of(record, decoded.get(id.key), engine),
        () => ({
          record,
        }),
      );
    }
  }
  for (const { pipeline, partition, gaps, there } of history.outputs) {
    const id = { key: `output|${pipeline}|${partition}`, position: null, fault: '' };
    collector.note('output-taken', id, there.length === 0 ? 'holds' : broken({ gaps, there }));
  }
  return collector.verdict(Object.fromEntries(fates.counts));
}
