/** Recomputes orders (contract.md §4, order): the newest version, whenever it came. Pure. */
import { iso } from '../../fold/settings.js';
import type { LostMark } from '../../fold/lost.js';
import { LostSymbols } from '../../fold/lost.js';
import { foldOrder, orderEvidenceOf, orderValueOf, type OrderChange, type OrderEntry } from '../../fold/order.js';
import type { Settings } from '../../fold/settings.js';
import { Covered, lostEvidence, type KindFold, type KindKeys, type LostMarks, type Wanted } from './kind.js';

interface Entry {
  readonly wanted: Wanted;
  readonly covered: Covered;
  newest: OrderChange | null;
}

export const orderKeys = (): KindKeys => (event) => [event.order_id];

export function orderFold(settings: Settings): KindFold {
  const memory = new Map<string, OrderEntry>();
  const entries = new Map<string, Entry>();
  return {
    want(wanted) {
      entries.set(wanted.businessKey, { wanted, covered: new Covered(), newest: null });
    },
    take(event, timeMs, place) {
      const entry = entries.get(event.order_id);
      if (entry?.wanted.partitions.has(place.partition) !== true) return;
      // All its events, not only the newest version's: a recomputation is worth more the further it has read.
      entry.covered.add(place);
      entry.newest = foldOrder(memory, event, timeMs, place.offset).change ?? entry.newest;
    },
    answer(businessKey, lost) {
      const entry = entries.get(businessKey);
      const known = memory.get(businessKey);
      if (entry?.newest == null || known === undefined) return null;
      const { newest, covered } = entry;
      const begins = known.beginsMs === null ? null : iso(known.beginsMs);
      const [first = 0] = covered.single() ?? [];
      const named = lostOfSymbol(newest.event.symbol, known.beginsMs, first, lost, settings);
      const { lost: _, ...evidence } = orderEvidenceOf(newest, 0);
      return {
        op: newest.event.op === 'd' ? 'delete' : 'upsert',
        value: orderValueOf(newest),
        evidence: { ...evidence, begins, coverage: covered.coverage(), ...lostEvidence(named) },
        state: covered.single() === null ? null : { version: known.version, deleted: known.deleted, begins },
      };
    },
  };
}

/** Undecodable records that could be an event of a result of the symbol which begins at `sinceMs`; null: nobody knows. */
export function lostOfSymbol(
  symbol: string,
  sinceMs: number | null,
  firstOffset: number,
  lost: LostMarks,
  { poisonSkewMs }: Settings,
): Map<number, readonly number[]> {
  const marksOf = (marks: readonly LostMark[]): LostSymbols =>
    new LostSymbols(
      marks.map(({ key, offset, appendTimeMs, merged }) => {
        return { key, offset, untilMs: appendTimeMs + poisonSkewMs, ...(merged === true ? { merged } : {}) };
      }),
    );
  return new Map([...lost].map(([p, marks]) => [p, marksOf(marks).of(symbol, sinceMs, firstOffset)]));
}
